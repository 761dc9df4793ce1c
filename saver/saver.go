package saver

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/namescope"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/saver/internal/journal"
	"github.com/tfkeep/tfkeep/tf"
)

// Saver saves the variables of a graph into checkpoints and restores them. Its
// methods may be called from several goroutines; saves wait for each other.
type Saver struct {
	g    *tf.Graph
	opts Options
	fs   vfs.FS

	// Lock order: turn; the journal.Folder (Begin to End); then one of mu, servers.mu
	// and journal's list of Folders. No other lock is taken while one of the last three
	// is held.
	//
	// A save that goes on in the background does not hold turn. It uses metas, pool
	// and kept: a method that holds turn waits for it before using metas or pool.
	turn     sync.Mutex         // held by Build, Save, the start of SaveAsync, Restore, Resume and Close
	def      *graphdef.SaverDef // nil until built, and for an empty Saver; set under mu, too
	built    bool
	empty    bool
	closed   bool
	pending  *Pending    // the save that goes on in the background
	saves    int64       // the number of saves, with Options.Objects
	root     []string    // where the model is in the object graph of the checkpoint that was restored
	nodes    *saverNodes // nil until built, and for an empty Saver
	pool     serverPool
	metas    metaCache
	coverage coverage
	locks    journal.Set

	mu    sync.Mutex // guards kept and moves, and def for those who do not hold turn
	kept  retention
	moves map[*journal.Folder]int // journal.Folder.Moves when the Saver last began to write there
}

// New makes a Saver for the variables that g has now, adding its save and
// restore nodes to g. A nil o means the defaults: every global variable, in
// format V2, the last five checkpoints kept. Close the Saver when it is no longer needed:
// it holds a lock on each folder that it saves into.
//
// It fails with tfkeep.ErrArgument when there is nothing to save, for a bad VarList,
// VarMap or SaverDef, and for options that contradict each other.
func New(g *tf.Graph, o *Options) (*Saver, error) {
	if g == nil {
		return nil, wrap(opBuild, "", fault(tfkeep.ErrArgument, "the graph is nil"))
	}
	if err := g.Err(); err != nil {
		return nil, wrap(opBuild, "", err)
	}
	s := &Saver{g: g, fs: vfs.OS}
	if o != nil {
		s.opts = *o
	}
	if err := s.opts.check(); err != nil {
		return nil, wrap(opBuild, "", err)
	}
	if s.opts.SaverDef != nil {
		if err := s.useSaverDef(s.opts.SaverDef); err != nil {
			return nil, wrap(opBuild, "", err)
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

// useSaverDef takes the nodes that def names, with the retention rule of the options where they
// have one.
func (s *Saver) useSaverDef(def *graphdef.SaverDef) error {
	if def.SaveTensorName == "" {
		return fault(tfkeep.ErrArgument, "the SaverDef has no save_tensor_name: %v", def)
	}
	if def.RestoreOpName == "" {
		return fault(tfkeep.ErrArgument, "the SaverDef has no restore_op_name: %v", def)
	}
	if name := s.opts.buildsOtherThan(def); name != "" {
		return fault(tfkeep.ErrArgument, "%s concerns the building of nodes, and those of the SaverDef exist; leave it out, or make a new Saver of the graph without SaverDef", name)
	}
	s.def = proto.Clone(def).(*graphdef.SaverDef)
	if s.opts.MaxToKeep != 0 {
		s.def.MaxToKeep = int32(s.opts.maxToKeep())
	}
	if s.opts.KeepEvery != 0 {
		s.def.KeepCheckpointEveryNHours = float32(s.opts.keepEvery().Hours())
	}
	return nil
}

// Build adds the nodes of a Saver made with DeferBuild. It does nothing if the Saver is
// built.
func (s *Saver) Build() error {
	if err := s.check(context.Background()); err != nil {
		return wrap(opBuild, "", err)
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.built {
		return nil
	}
	return wrap(opBuild, "", s.build())
}

func (s *Saver) build() error {
	s.noteVariables()
	if s.def == nil {
		if err := s.buildNodes(); err != nil || s.empty {
			s.built = s.empty
			return err
		}
	} else {
		def := proto.Clone(s.def).(*graphdef.SaverDef)
		prependScope(def, s.opts.Name)
		s.setDef(def)
	}
	var err error
	if s.nodes, err = findNodes(s.g, s.def, s.opts.AllowOps); err != nil {
		return err
	}
	s.kept = newRetention(int(s.def.MaxToKeep), hours(float64(s.def.KeepCheckpointEveryNHours)), s.opts.now())
	s.built = true
	return nil
}

// noteVariables notes the variables that the graph has when the Saver is built.
func (s *Saver) noteVariables() {
	s.coverage.built = map[*tf.Variable]bool{}
	for _, v := range s.g.GlobalVariables() {
		s.coverage.built[v] = true
	}
}

// buildNodes determines what to save and adds the nodes for it.
func (s *Saver) buildNodes() error {
	named, list := s.opts.VarMap, s.opts.VarList
	if named == nil && list == nil {
		list = allSaveables(s.g)
		restored, err := restoredState(s.g, list)
		if err != nil {
			return err
		}
		list = append(list, restored...)
	}
	if len(named) == 0 && len(list) == 0 {
		if s.opts.AllowEmpty {
			s.empty = true
			return nil
		}
		if s.opts.VarList != nil || s.opts.VarMap != nil {
			return fault(tfkeep.ErrArgument, "no variables to save: VarList or VarMap is empty; leave it out for all variables, or set AllowEmpty")
		}
		return noVariables(s.g)
	}
	var err error
	if named == nil {
		if named, err = fromList(list); err != nil {
			return err
		}
	}
	if err := checkNamed(s.g, named); err != nil {
		return err
	}
	items, err := fromMap(named)
	if err != nil {
		return err
	}
	def, err := build(s.g, items, &s.opts)
	s.setDef(def)
	return err
}

// noVariables returns the error for a graph that lists no variables. An imported GraphDef has
// their nodes, but no collections.
func noVariables(g *tf.Graph) error {
	nodes, restore := 0, ""
	for _, o := range g.Operations() {
		if nodedef.IsVariableOp(o.Type()) {
			nodes++
		} else if base := path.Base(o.Name()); base == "restore_all" && restore == "" {
			restore = o.Name()
		}
	}
	none := fmt.Sprintf("no variables to save: the graph has none in its collection %q", tf.GlobalVariables)
	switch {
	case nodes == 0:
		return fault(tfkeep.ErrArgument, "%s; make them with tf.NewVariable, or set AllowEmpty", none)
	case restore == "":
		return fault(tfkeep.ErrArgument, "%s, but %d nodes of variables, as an imported GraphDef does: import the meta graph, or list the outputs of these nodes in Options.VarList", none, nodes)
	}
	scope := strings.TrimSuffix(restore, "restore_all")
	return fault(tfkeep.ErrArgument, "%s, but %d nodes of variables and those of a Saver, as an imported GraphDef does: import the meta graph, "+
		"or set Options.SaverDef with the names of its nodes, which usually are %sConst:0, %scontrol_dependency:0 (or %sIdentity:0) and %s", none, nodes, scope, scope, scope, restore)
}

// prependScope adds the scope into which a graph was imported to the names of its
// SaverDef.
func prependScope(def *graphdef.SaverDef, scope string) {
	for _, name := range []*string{&def.FilenameTensorName, &def.SaveTensorName, &def.RestoreOpName} {
		*name = namescope.Prepend(*name, scope)
	}
}

func (s *Saver) setDef(def *graphdef.SaverDef) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.def = def
}

// SaverDef describes the Saver: the names of its nodes and its retention rule. It
// returns nil before Build, and for a Saver without variables. It does not wait for a save: a
// Saver in the collection tf.Savers is exported while another one, or itself, saves.
func (s *Saver) SaverDef() *graphdef.SaverDef {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.def == nil {
		return nil
	}
	return proto.Clone(s.def).(*graphdef.SaverDef)
}

// Graph returns the graph that the Saver was made for.
func (s *Saver) Graph() *tf.Graph { return s.g }

// check returns an error if no function of this package has made the Saver, or if ctx is nil.
func (s *Saver) check(ctx context.Context) error {
	if s == nil || s.g == nil {
		return fault(tfkeep.ErrArgument, "the Saver is nil, or New has not made it")
	}
	if ctx == nil {
		return fault(tfkeep.ErrArgument, "the context is nil")
	}
	return nil
}

// ready returns an error if this Saver can't work with a session.
func (s *Saver) ready(sess *tf.Session) error {
	switch {
	case s.closed:
		return fault(tfkeep.ErrClosed, "a Saver cannot be used after Close; make another one")
	case !s.built:
		return fault(tfkeep.ErrArgument, "the Saver is not built; call Build first")
	case sess == nil:
		return fault(tfkeep.ErrArgument, "the session is nil")
	case sess.Graph() != s.g:
		return fault(tfkeep.ErrArgument, "the session runs another graph than the Saver's")
	}
	return nil
}

// LastCheckpoints returns the checkpoints that the Saver keeps and may delete, oldest
// first.
func (s *Saver) LastCheckpoints() []Checkpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.kept.last)
}

// SetLastCheckpoints replaces the list of LastCheckpoints, oldest first. As in
// TensorFlow, a checkpoint without a time is never deleted, and counts as one kept by
// KeepEvery when it leaves the list.
func (s *Saver) SetLastCheckpoints(list []Checkpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept.last = slices.Clone(list)
}

// Close waits for a save in the background, and returns its error unless Wait has
// returned it. After Close, other processes may save into the folders that this Saver
// used.
func (s *Saver) Close() (err error) {
	if err := s.check(context.Background()); err != nil {
		return wrap("close", "", err)
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.closed {
		return nil
	}
	err = s.waitPending()
	s.closed = true
	s.nodes.close()
	s.pool.close()
	closeInto(&err, s.locks.Release)
	return err
}
