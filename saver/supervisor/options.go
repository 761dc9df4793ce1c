package supervisor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// Options are the choices of Run. Nil and the zero value keep a training going
// in this process, without checkpoints.
type Options struct {
	// Session are the options of the sessions that Run opens, Target among them:
	// the server that is the master. Without DeviceFilters a session needs every
	// task of the cluster, other workers too, each time that it is opened.
	Session *tf.SessionOptions
	// Cluster, where it is not nil, has the tasks' addresses. They are then asked
	// before a session is opened, from this process: a task that is gone is
	// noticed at once and by name, where TensorFlow would wait in silence.
	Cluster *tf.ClusterSpec

	// Worker is not the chief: it neither restores nor initializes, but waits
	// until the chief has. A training has one chief.
	Worker bool
	// Dir is where the checkpoints lie: the chief resumes from the newest whole
	// one there, and saves there. "" means none: the chief only initializes.
	Dir string
	// LatestFilename is the name of the state file; "" means "checkpoint".
	LatestFilename string
	// SaveName is the name of the checkpoints that Run saves; "" means "model".
	SaveName string
	// SaveSteps and SaveInterval let the chief save, in Running.StepDone, when
	// so many steps or so much time has passed since the last save, and when the
	// body has ended without error. 0 is never; both may be given.
	SaveSteps    int64
	SaveInterval time.Duration

	// Init are the operations that initialize the model where there is no
	// checkpoint. Nil means the initializers of all global variables.
	Init []*tf.Operation
	// LocalInit are run in every new session, by chief and workers, once the
	// model is ready. Nil means the initializers of all local variables and of
	// all lookup tables (collection table_initializer).
	LocalInit []*tf.Operation
	// Prepare, if not nil, is called by the chief when it has restored or
	// initialized, before any worker goes on: to warm-start a fresh model, say.
	// It may be called again after a loss.
	Prepare func(ctx context.Context, sess *tf.Session, r *saver.Resumed) error
	// Ready, where its Op is not nil, must say that the model is ready too, as
	// the ready_op of TensorFlow's Scaffold does: it is a bool, or a vector of
	// strings, the names of what is not ready.
	Ready tf.Output
	// NoMark leaves out the mark by which the chief says that the model is ready.
	// Every program of a training must have the same choice. Without the mark,
	// workers go by what TensorFlow's go by, that every variable has some value;
	// it is for workers of a chief that is not this package, such as Python's.
	NoMark bool

	// OperationTimeout is how long one run may take before its server counts as
	// lost. 0 means that of Session, or else one minute; negative none, and
	// then some losses are never noticed.
	OperationTimeout time.Duration
	// SaveTimeout takes its place where the graph's own nodes save or restore,
	// which is all of a model in one run (saver.Ops, and saver.Auto on a
	// cluster). 0 means 30 minutes.
	SaveTimeout time.Duration
	// RecoveryTimeout bounds an outage: how long the training may be without
	// progress before Run gives up, and how long a worker waits for its chief.
	// One attempt more may end later by OperationTimeout. 0 means ten minutes;
	// negative none.
	RecoveryTimeout time.Duration
	// Backoff is the pause between attempts.
	Backoff Backoff

	// OnEvent, if not nil, is told what happens. It is called from one goroutine
	// at a time, and Run waits for it.
	OnEvent func(Event)
}

// Backoff is a pause that grows from attempt to attempt: twice as long each, with
// some chance in it so that workers don't come all at once.
type Backoff struct {
	// First is the first pause, Most the longest. 0 means 100 ms and 5 s.
	First, Most time.Duration
}

// The defaults of Options.
const (
	DefaultOperationTimeout = time.Minute
	DefaultSaveTimeout      = 30 * time.Minute
	DefaultRecoveryTimeout  = 10 * time.Minute
)

// ErrArgument: an option makes no sense, alone or with another.
var ErrArgument = errors.New("supervisor: bad argument")

// settle checks the options and fills the defaults in.
func (o *Options) settle(g *tf.Graph, sv *saver.Saver) (Options, error) {
	var all Options
	if o != nil {
		all = *o
	}
	session := tf.SessionOptions{}
	if all.Session != nil {
		session = *all.Session
	}
	all.Session = &session
	bad := func(format string, args ...any) (Options, error) {
		return Options{}, fmt.Errorf("%w: %s", ErrArgument, fmt.Sprintf(format, args...))
	}
	switch {
	case g == nil:
		return bad("the graph is nil")
	case sv != nil && sv.Graph() != g:
		return Options{}, saver.ErrOtherGraph
	case all.Worker && session.Target == "":
		return bad("a worker shares the variables of a cluster: set Session.Target, or leave Worker false")
	case all.Worker && session.Isolate:
		return bad("with Session.Isolate a worker has variables of its own, which no chief makes ready")
	case all.Dir != "" && sv == nil && !all.Worker:
		return bad("Dir is set and the Saver is nil: it takes one to resume from %s", all.Dir)
	case all.Dir == "" && (all.SaveSteps != 0 || all.SaveInterval != 0):
		return bad("SaveSteps and SaveInterval need Dir, the directory to save in")
	case all.SaveSteps < 0 || all.SaveInterval < 0 || all.SaveTimeout < 0 || all.Backoff.First < 0 || all.Backoff.Most < 0:
		return bad("SaveSteps, SaveInterval, SaveTimeout and Backoff are not negative")
	}
	all.OperationTimeout = orDefault(all.OperationTimeout, orDefault(session.OperationTimeout, DefaultOperationTimeout))
	session.OperationTimeout = max(all.OperationTimeout, 0)
	all.SaveTimeout = orDefault(all.SaveTimeout, DefaultSaveTimeout)
	all.RecoveryTimeout = orDefault(all.RecoveryTimeout, DefaultRecoveryTimeout)
	all.Backoff.First = orDefault(all.Backoff.First, 100*time.Millisecond)
	all.Backoff.Most = max(orDefault(all.Backoff.Most, 5*time.Second), all.Backoff.First)
	if all.SaveName == "" {
		all.SaveName = "model"
	}
	if all.LocalInit == nil {
		all.LocalInit = localInit(g)
	}
	return all, nil
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

func localInit(g *tf.Graph) []*tf.Operation {
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
