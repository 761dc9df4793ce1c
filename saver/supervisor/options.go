package supervisor

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

// Options are the options of [Run]. Nil and the zero value run a training in this
// process, without checkpoints.
type Options struct {
	// Session has the options of the sessions that Run opens. Its Target is the
	// master: the server that the session connects to. Without DeviceFilters a
	// session needs every task of the cluster, including other workers, each time
	// it is opened.
	Session *tf.SessionOptions
	// Cluster, if not nil, has the addresses of the tasks. Run then probes them from
	// this process before it opens a session, and names a task that is gone at once,
	// where TensorFlow would wait silently.
	Cluster *cluster.Spec

	// Worker makes this client a worker instead of the chief: it neither restores nor
	// initializes, but waits until the chief has. A training has one chief.
	Worker bool
	// Dir is the directory of the checkpoints: the chief resumes from the newest
	// whole checkpoint there and saves there. If Dir is "", the chief only
	// initializes. Before anything else, Run makes the directory and takes its lock, until
	// the Saver is closed: if another process saves there, or if this one cannot write
	// there and is to save, Run returns that error at once.
	Dir string
	// Resume says how the chief resumes: whether it waits for another process that saves in
	// Dir, and what happens if the model has changed since its checkpoint was saved. Nil
	// means that neither is accepted. Its LatestFilename must be "".
	Resume *saver.ResumeOptions
	// LatestFilename is the name of the state file; "" means "checkpoint". Trainings with
	// different ones in the same directory need different SaveNames, too.
	LatestFilename string
	// SaveName is the name of the checkpoints that Run saves; "" means "model".
	SaveName string
	// GraphText makes a chief that saves write the graph into Dir at the start, as text, in
	// the file graph.pbtxt, as MonitoredTrainingSession does.
	GraphText bool
	// SaveSteps and SaveInterval make the chief save in Running.StepDone once so
	// many steps or so much time has passed since the last save, and when the body
	// has returned without an error. Both may be set. If Dir is set and both are 0, the
	// interval is 10 minutes, as in MonitoredTrainingSession. With a negative SaveInterval and
	// without SaveSteps, only Running.Save saves.
	SaveSteps    int64
	SaveInterval time.Duration
	// SaveAsync writes these checkpoints in the background while training goes on, except
	// for the last one; see [saver.Saver.SaveAsync]. At most one save is under way: a save
	// that becomes due meanwhile begins at the first step after it. If it fails, the next
	// call of StepDone returns its error.
	SaveAsync bool
	// ContinueOnSaveError goes on training if a save in StepDone fails, for example because
	// the disk is full, and reports the error as an event of the kind SaveFailed. The next
	// save that is due is tried as usual. The error of the last save is always returned.
	ContinueOnSaveError bool
	// GracePeriod is how long Run may take, once its context is done, to let the body end
	// its step and to save. 0 means 30 seconds, the time that machines get before they are
	// taken away; a negative value ends the runs at once and saves nothing.
	GracePeriod time.Duration

	// LastStep stops the training at this global step, and Steps after so many further
	// ones: StepDone then makes Running.ShouldStop true. 0 means no limit. At most one of
	// them may be set.
	LastStep, Steps int64
	// Final has operations that the chief runs once, when the body has returned without an
	// error and before the last save.
	Final []*tf.Operation

	// Init has the operations that initialize the model if there is no checkpoint.
	// Nil means the initializers of all global variables.
	Init []*tf.Operation
	// InitFeeds are the values of placeholders that Init needs.
	InitFeeds map[tf.Output]*tf.Tensor
	// InitFunc, if not nil, is called by the chief after Init if there is no checkpoint.
	InitFunc func(ctx context.Context, sess *tf.Session) error
	// LocalInit has operations that chief and workers run in every new session,
	// once the model is ready. Nil means the initializers of all local variables
	// and of all lookup tables (collection "table_initializer").
	LocalInit []*tf.Operation
	// ReadyForLocalInit, if its Op is not nil, must report that the model is ready before
	// LocalInit runs. It has the form of Ready.
	ReadyForLocalInit tf.Output
	// Prepare, if not nil, is called by the chief after it has restored or
	// initialized and before any worker continues, for example to warm-start a
	// fresh model. It may be called again after a loss.
	Prepare func(ctx context.Context, sess *tf.Session, r *saver.Resumed) error
	// Ready, if its Op is not nil, must also report that the model is ready, like
	// the ready_op of TensorFlow's Scaffold. It is a bool, or a vector of strings
	// with the names of what is not ready.
	Ready tf.Output
	// NoMark leaves out the mark that the chief sets when the model is ready. Every
	// program of a training must make the same choice. Without the mark, workers
	// use TensorFlow's rule: every variable has some value. NoMark is for workers of
	// a chief that does not use this package, such as one written in Python.
	NoMark bool

	// OperationTimeout is how long one run may take before its server counts as
	// lost. 0 means that of Session. If that is 0 too, it means one minute on a cluster, and no
	// limit without Session.Target. A negative value means no limit; some losses are then never
	// noticed.
	OperationTimeout time.Duration
	// SaveTimeout replaces OperationTimeout where nodes of the graph save or restore
	// the whole model in one run (saver.Ops, and saver.Auto on a cluster). 0 means
	// 30 minutes.
	SaveTimeout time.Duration
	// RecoveryTimeout bounds an outage: how long the training may go without
	// progress before Run gives up, and how long a worker waits for its chief. The
	// attempt under way may end later by OperationTimeout. 0 means ten minutes; a
	// negative value means no limit.
	RecoveryTimeout time.Duration
	// MinPause and MaxPause bound the pause between attempts. It doubles from
	// attempt to attempt, with some randomness so that workers do not retry at the
	// same time. 0 means 100 ms and 5 s.
	MinPause, MaxPause time.Duration

	// OnEvent, if not nil, is called for each event. It is called from one goroutine
	// at a time, and Run waits for it. It must not call Running's methods.
	OnEvent func(Event)
}

const (
	defaultOperationTimeout = time.Minute
	defaultSaveInterval     = 10 * time.Minute
	defaultSaveTimeout      = 30 * time.Minute
	defaultRecoveryTimeout  = 10 * time.Minute
	defaultGracePeriod      = 30 * time.Second
	defaultMinPause         = 100 * time.Millisecond
	defaultMaxPause         = 5 * time.Second
)

// resolve checks the options and returns them with the defaults filled in.
func (o *Options) resolve(g *tf.Graph, sv *saver.Saver) (Options, error) {
	var all Options
	if o != nil {
		all = *o
	}
	session := tf.SessionOptions{}
	if all.Session != nil {
		session = *all.Session
	}
	all.Session = &session
	switch {
	case g == nil:
		return Options{}, invalid("the graph is nil")
	case sv != nil && sv.Graph() != g:
		return Options{}, invalid("the Saver was made for another graph")
	case all.Worker && session.Target == "":
		return Options{}, invalid("a worker shares the variables of a cluster: set Session.Target, or leave Worker false")
	case all.Worker && session.Isolate:
		return Options{}, invalid("with Session.Isolate a worker has variables of its own, which no chief makes ready")
	case all.Dir != "" && sv == nil && !all.Worker:
		return Options{}, invalid("Dir is set and the Saver is nil: resuming from %s needs a Saver", all.Dir)
	case all.Resume != nil && all.Resume.LatestFilename != "":
		return Options{}, invalid("set LatestFilename in Options, not in Options.Resume")
	case all.Dir == "" && (all.SaveSteps > 0 || all.SaveInterval > 0):
		return Options{}, invalid("SaveSteps and SaveInterval need Dir, the directory to save in")
	case strings.ContainsAny(all.SaveName+all.LatestFilename, `/\`):
		return Options{}, invalid("SaveName %q and LatestFilename %q must not contain a directory, in which no run would look for checkpoints; set Dir", all.SaveName, all.LatestFilename)
	case all.SaveSteps < 0 || all.SaveTimeout < 0 || all.MinPause < 0 || all.MaxPause < 0:
		return Options{}, invalid("SaveSteps, SaveTimeout, MinPause and MaxPause must not be negative")
	case all.LastStep < 0 || all.Steps < 0 || all.LastStep > 0 && all.Steps > 0:
		return Options{}, invalid("LastStep and Steps must not be negative, and at most one of them may be set")
	}
	all.OperationTimeout = cmp.Or(all.OperationTimeout, session.OperationTimeout)
	if session.Target != "" { // in this process, no server can be lost
		all.OperationTimeout = cmp.Or(all.OperationTimeout, defaultOperationTimeout)
	}
	session.OperationTimeout = max(all.OperationTimeout, 0)
	all.SaveTimeout = cmp.Or(all.SaveTimeout, defaultSaveTimeout)
	all.RecoveryTimeout = cmp.Or(all.RecoveryTimeout, defaultRecoveryTimeout)
	all.GracePeriod = cmp.Or(all.GracePeriod, defaultGracePeriod)
	all.MinPause = cmp.Or(all.MinPause, defaultMinPause)
	all.MaxPause = max(cmp.Or(all.MaxPause, defaultMaxPause), all.MinPause)
	if all.Dir != "" && all.SaveSteps == 0 {
		all.SaveInterval = cmp.Or(all.SaveInterval, defaultSaveInterval)
	}
	all.SaveName = cmp.Or(all.SaveName, "model")
	resume := saver.ResumeOptions{}
	if all.Resume != nil {
		resume = *all.Resume
	}
	resume.LatestFilename = all.LatestFilename
	all.Resume = &resume
	if all.LocalInit == nil {
		all.LocalInit = localInitializers(g)
	}
	return all, nil
}

func localInitializers(g *tf.Graph) []*tf.Operation {
	var ops []*tf.Operation
	for _, v := range g.LocalVariables() {
		if v.Initializer() != nil {
			ops = append(ops, v.Initializer())
		}
	}
	for _, item := range g.Collection(tf.TableInitializers) {
		if op := item.Op(); op != nil {
			ops = append(ops, op)
		}
	}
	return ops
}
