package saver

import (
	"errors"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/tf"
)

// Saver saves the variables of a graph into checkpoints and restores them. Its
// methods may be called from several goroutines; saves wait for each other.
type Saver struct {
	g    *tf.Graph
	opts Options
	fs   vfs.FS

	// Locks are taken in this order: turn, dirLock.mu (of the folder that a save
	// writes to), then any one of mu, servers.mu and the list of the process's
	// dirLocks, each of which is held for a look-up only.
	//
	// A save that goes on in the background does not hold turn. It uses metas, pool
	// and kept: a method that holds turn waits for it before using metas or pool.
	turn    sync.Mutex // held by Build, Save, the start of SaveAsync, Restore, Resume and Close
	def     *SaverDef  // nil until built, and for an empty Saver
	built   bool
	empty   bool
	closed  bool
	pending *Pending    // the save that goes on in the background
	nodes   *saverNodes // nil until built, and for an empty Saver
	pool    serverPool
	metas   metaCache
	locks   lockSet

	mu   sync.Mutex // guards kept
	kept retention
}

// New makes a Saver for the variables that g has now, adding its save and
// restore nodes to g. A nil o means the defaults: every global variable, in
// format V2, the last five checkpoints kept.
//
// It fails with [ErrNoVariables] when there is nothing to save, [ErrVarList]
// for a bad VarList or VarMap, [ErrSaverDef] for a bad SaverDef and
// [ErrArgument] for options that contradict each other.
func New(g *tf.Graph, o *Options) (*Saver, error) {
	if g == nil {
		return nil, fmt.Errorf("%w: a Saver needs a graph; nil", ErrArgument)
	}
	s := &Saver{g: g, fs: vfs.OS}
	if o != nil {
		s.opts = *o
	}
	if err := s.opts.check(); err != nil {
		return nil, err
	}
	if s.opts.SaverDef != nil {
		s.def = proto.Clone(s.opts.SaverDef).(*SaverDef)
		if err := checkSaverDef(s.def); err != nil {
			return nil, err
		}
	}
	if s.opts.DeferBuild {
		return s, nil
	}
	if err := s.Build(); err != nil {
		return nil, err
	}
	return s, nil
}

func (o *Options) check() error {
	given := o.VarList != nil || o.VarMap != nil
	switch {
	case o.VarList != nil && o.VarMap != nil:
		return fmt.Errorf("%w: VarList and VarMap are both given; use one", ErrArgument)
	case given && o.DeferBuild:
		return fmt.Errorf("%w: If `var_list` is provided then build cannot be deferred. Either set defer_build=False or var_list=None", ErrArgument)
	case o.WriteVersion < 0 || o.WriteVersion > 2:
		return fmt.Errorf("%w: WriteVersion is %d; it must be checkpoint.V1 or checkpoint.V2", ErrArgument, int(o.WriteVersion))
	case o.KeepCheckpointEveryNHours < 0:
		return fmt.Errorf("%w: KeepCheckpointEveryNHours is negative", ErrArgument)
	case o.Driver < Auto || o.Driver > Files:
		return fmt.Errorf("%w: Driver is %d; it must be saver.Auto, saver.Ops or saver.Files", ErrArgument, int(o.Driver))
	}
	if o.SharedWait < 0 {
		return fmt.Errorf("%w: SharedWait is negative", ErrArgument)
	}
	return o.Gather.check()
}

func checkSaverDef(def *SaverDef) error {
	if def.SaveTensorName == "" {
		return fmt.Errorf("%w: saver_def must specify the save_tensor_name: %v", ErrSaverDef, def)
	}
	if def.RestoreOpName == "" {
		return fmt.Errorf("%w: saver_def must specify the restore_op_name: %v", ErrSaverDef, def)
	}
	return nil
}

// Build adds the nodes of a Saver made with DeferBuild. On one that is built it
// does nothing.
func (s *Saver) Build() error {
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.built {
		return nil
	}
	if s.def == nil {
		if err := s.buildNodes(); err != nil || s.empty {
			s.built = s.empty
			return err
		}
	} else {
		prependScope(s.def, s.opts.Name)
	}
	var err error
	if s.nodes, err = findNodes(s.g, s.def); err != nil {
		return err
	}
	s.kept = newRetention(int(s.def.MaxToKeep), float64(s.def.KeepCheckpointEveryNHours), s.opts.now())
	s.built = true
	return nil
}

// buildNodes works out what to save and adds the nodes for it.
func (s *Saver) buildNodes() error {
	items, err := s.items()
	if errors.Is(err, ErrNoVariables) && s.opts.AllowEmpty {
		s.empty = true
		return nil
	}
	if err != nil {
		return err
	}
	s.def, err = build(s.g, items, &s.opts)
	return err
}

// items are the saveables in the order of their names.
func (s *Saver) items() ([]*item, error) {
	named, list := s.opts.VarMap, s.opts.VarList
	if named == nil && list == nil {
		list = allSaveables(s.g)
	}
	if len(named) == 0 && len(list) == 0 {
		return nil, fmt.Errorf("%w: the graph has no variables in its collection %q; make them with tf.NewVariable, or set AllowEmpty",
			ErrNoVariables, tf.GlobalVariables)
	}
	if named == nil {
		var err error
		if named, err = fromList(list); err != nil {
			return nil, err
		}
	}
	return fromMap(named)
}

// prependScope moves the names of a SaverDef into the scope that its graph was
// imported into.
func prependScope(def *SaverDef, scope string) {
	if scope == "" {
		return
	}
	if scope[len(scope)-1] != '/' {
		scope += "/"
	}
	def.FilenameTensorName = scope + def.FilenameTensorName
	def.SaveTensorName = scope + def.SaveTensorName
	def.RestoreOpName = scope + def.RestoreOpName
}

// AsSaverDef describes the Saver: the names of its nodes and its retention
// rule. It is nil before Build, and for a Saver without variables.
func (s *Saver) AsSaverDef() *SaverDef {
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.def == nil {
		return nil
	}
	return proto.Clone(s.def).(*SaverDef)
}

// Graph is the graph that the Saver was made for.
func (s *Saver) Graph() *tf.Graph { return s.g }

// ready refuses what can't be done with this Saver and session.
func (s *Saver) ready(sess *tf.Session) error {
	switch {
	case s.closed:
		return ErrClosed
	case !s.built:
		return ErrNotBuilt
	case sess == nil:
		return fmt.Errorf("%w: 'sess' must be a Session; nil", ErrArgument)
	case sess.Graph() != s.g:
		return ErrOtherGraph
	}
	return nil
}

// LastCheckpoints lists the checkpoints that retention keeps and may delete,
// oldest first. Each may be given to Restore.
func (s *Saver) LastCheckpoints() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept.paths()
}

// SetLastCheckpoints replaces the list by one without times. As in TensorFlow,
// these checkpoints are never deleted, and each that leaves the list counts as
// one kept by KeepCheckpointEveryNHours.
func (s *Saver) SetLastCheckpoints(paths []string) {
	list := make([]Checkpoint, len(paths))
	for i, p := range paths {
		list[i].Path = p
	}
	s.SetLastCheckpointsWithTime(list)
}

// SetLastCheckpointsWithTime replaces the list, oldest first.
func (s *Saver) SetLastCheckpointsWithTime(list []Checkpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept.last = append([]Checkpoint(nil), list...)
}

// Close waits for a save that is under way, returns its error unless Wait has
// returned it already, and lets other processes save into the directories that
// this Saver used.
func (s *Saver) Close() error {
	if s == nil {
		return nil // ImportMetaGraph of a graph without variables
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.closed {
		return nil
	}
	err := s.waitPending()
	s.closed = true
	s.nodes.close()
	s.pool.close()
	return errors.Join(err, s.locks.release())
}
