package savedmodel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// LoadOptions say how a model is brought into a session. Nil and the zero
// value load it as it is, and refuse what is unsafe.
type LoadOptions struct {
	// ImportScope puts the names of the graph into a scope.
	ImportScope string
	// ClearDevices forgets the devices of the nodes, so that a model made on a
	// GPU runs without one.
	ClearDevices bool
	// ReturnElements are operations ("a") and tensors ("a:0") to look up; see
	// Model.Elements.
	ReturnElements []string
	// Saver are options for the saver that restores the variables.
	Saver *saver.Options
	// AllowOps names operations that restoring and initialising may run although
	// they reach out of the model; AllowAllOps allows all of them.
	AllowOps    []string
	AllowAllOps bool
	// SkipManifest does not compare the files with the model's manifest, if it
	// has one (see BuilderOptions): that reads all of them once more.
	SkipManifest bool
}

// Model is a loaded SavedModel.
type Model struct {
	// MetaGraphDef is the graph as it was found, with its signatures and
	// collections, and default attributes filled in; names are without the
	// import scope.
	MetaGraphDef *graphdef.MetaGraphDef
	// Elements are the ReturnElements, in order.
	Elements []tf.Item
	// Saver saves and restores the model's variables; it is empty, never nil,
	// where the model has none.
	Saver *saver.Saver

	opts  LoadOptions
	scope string
	sess  *tf.Session
	owns  bool
}

// Load brings the graph with exactly the given tags into the session: it is
// imported into the session's graph, the variables are restored, and the
// model's initialisation is run. It is tf.compat.v1.saved_model.load.
//
// Errors: [ErrNotSavedModel], [ErrNoTags] with the tags there are, [ErrUnsafe],
// [ErrDamaged], and those of saver.Restore, which assign nothing if they come.
func Load(ctx context.Context, sess *tf.Session, tags []string, dir string, o *LoadOptions) (*Model, error) {
	return from(sess, o, func() (*folder, error) { return openFolder(dir) }, func(files *folder, o *LoadOptions) (*Model, error) {
		return load(ctx, sess, tags, files, o)
	})
}

// LoadFS is Load from any file system: an archive (zip.Reader), a program's
// own data (embed.FS), memory. Assets, which TensorFlow reads as files, are
// written to a temporary folder for the time of the initialisation.
func LoadFS(ctx context.Context, sess *tf.Session, tags []string, fsys fs.FS, o *LoadOptions) (*Model, error) {
	return from(sess, o, func() (*folder, error) { return newFolder(fsys) }, func(files *folder, o *LoadOptions) (*Model, error) {
		return load(ctx, sess, tags, files, o)
	})
}

// from opens a model's files for as long as load runs.
func from(sess *tf.Session, o *LoadOptions, open func() (*folder, error), load func(*folder, *LoadOptions) (*Model, error)) (*Model, error) {
	if sess == nil {
		return nil, fmt.Errorf("%w: no session", ErrArgument)
	}
	if o == nil {
		o = &LoadOptions{}
	}
	files, err := open()
	if err != nil {
		return nil, err
	}
	defer files.Close()
	return load(files, o)
}

func load(ctx context.Context, sess *tf.Session, tags []string, files *folder, o *LoadOptions) (*Model, error) {
	if !o.SkipManifest {
		if err := files.checkManifest(ctx); err != nil {
			return nil, err
		}
	}
	mg, err := files.graph(tags)
	if err != nil {
		return nil, err
	}
	m, err := loadGraph(sess, mg, o)
	if err != nil {
		return nil, err
	}
	if err := m.restoreVariables(ctx, files); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	if err := m.runInit(ctx, files); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// Open loads a model into a graph and a session of its own, which Close ends.
func Open(ctx context.Context, dir string, o *OpenOptions) (*Model, error) {
	return open(o, func(sess *tf.Session, tags []string, o *LoadOptions) (*Model, error) {
		return Load(ctx, sess, tags, dir, o)
	})
}

// OpenFS is Open from any file system; see LoadFS.
func OpenFS(ctx context.Context, fsys fs.FS, o *OpenOptions) (*Model, error) {
	return open(o, func(sess *tf.Session, tags []string, o *LoadOptions) (*Model, error) {
		return LoadFS(ctx, sess, tags, fsys, o)
	})
}

func open(o *OpenOptions, load func(*tf.Session, []string, *LoadOptions) (*Model, error)) (*Model, error) {
	if o == nil {
		o = &OpenOptions{}
	}
	tags := o.Tags
	if len(tags) == 0 {
		tags = []string{signature.ServingTag}
	}
	sess, err := tf.NewSession(tf.NewGraph(), o.Session)
	if err != nil {
		return nil, fmt.Errorf("savedmodel: %w", err)
	}
	m, err := load(sess, tags, &o.LoadOptions)
	if err != nil {
		return nil, errors.Join(err, sess.Close())
	}
	m.owns = true
	return m, nil
}

// OpenOptions are those of Open.
type OpenOptions struct {
	LoadOptions
	// Tags choose the graph; nil means "serve".
	Tags []string
	// Session are options for the session; nil means TensorFlow's defaults.
	Session *tf.SessionOptions
}

// LoadGraph imports the graph with the given tags, without values: variables
// have none until they are restored or initialised. The session may be used
// for that; the model does not own it.
func LoadGraph(sess *tf.Session, tags []string, dir string, o *LoadOptions) (*Model, error) {
	return from(sess, o, func() (*folder, error) { return openFolder(dir) }, func(files *folder, o *LoadOptions) (*Model, error) {
		mg, err := files.graph(tags)
		if err != nil {
			return nil, err
		}
		return loadGraph(sess, mg, o)
	})
}

func loadGraph(sess *tf.Session, mg *graphdef.MetaGraphDef, o *LoadOptions) (*Model, error) {
	if err := check.Graph(mg.GetGraphDef(), nil); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	im, err := tf.ImportMetaGraph(sess.Graph(), mg, &tf.ImportMetaGraphOptions{
		ClearDevices: o.ClearDevices, ImportScope: o.ImportScope, ReturnElements: o.ReturnElements,
	})
	if err != nil {
		return nil, fmt.Errorf("savedmodel: %w", err)
	}
	opdef.AddDefaults(mg.GraphDef, nil)
	sv, err := saver.FromImported(sess.Graph(), im, o.Saver)
	if err != nil {
		return nil, fmt.Errorf("savedmodel: %w", err)
	}
	return &Model{MetaGraphDef: mg, Elements: im.Elements, Saver: sv, opts: *o, scope: im.Scope, sess: sess}, nil
}

// RestoreVariables gives the model's variables the values that dir has.
func (m *Model) RestoreVariables(ctx context.Context, dir string) error {
	files, err := openFolder(dir)
	if err != nil {
		return err
	}
	defer files.Close()
	return m.restoreVariables(ctx, files)
}

func (m *Model) restoreVariables(ctx context.Context, files *folder) error {
	if m.Saver.AsSaverDef() == nil {
		return nil // no variables
	}
	if op := m.MetaGraphDef.GetSaverDef().GetRestoreOpName(); op != "" && !m.opts.AllowAllOps {
		// What the operations that read checkpoints read goes into variables.
		_, restoring := savergraph.Ops()
		allow := append(restoring, m.opts.AllowOps...)
		if err := checkRuns(m.MetaGraphDef.GraphDef, "the restoring of the model's variables", op, nil, allow); err != nil {
			return err
		}
	}
	r, err := files.variables(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = m.Saver.RestoreWith(ctx, m.sess, files.name+"/"+VariablesDir, &saver.RestoreOptions{Reader: r})
	if errors.Is(err, savergraph.ErrUnknownForm) { // the nodes of TensorFlow 2 read for themselves
		var prefix string
		if prefix, err = files.checkpointPath(); err == nil {
			err = m.Saver.Restore(ctx, m.sess, prefix)
		}
	}
	if err != nil {
		return fmt.Errorf("savedmodel: variables: %w", err)
	}
	return nil
}

// RunInitOps runs the model's initialisation, with the assets of dir fed.
func (m *Model) RunInitOps(ctx context.Context, dir string) error {
	files, err := openFolder(dir)
	if err != nil {
		return err
	}
	defer files.Close()
	return m.runInit(ctx, files)
}

// Session is the session that the model runs in, Graph its graph.
func (m *Model) Session() *tf.Session { return m.sess }
func (m *Model) Graph() *tf.Graph     { return m.sess.Graph() }

// Scope is what the names of the model got in front, without the slash.
func (m *Model) Scope() string { return m.scope }

// Signatures are the model's, by their keys.
func (m *Model) Signatures() map[string]*signature.SignatureDef {
	s := make(map[string]*signature.SignatureDef, len(m.MetaGraphDef.SignatureDef))
	for key, def := range m.MetaGraphDef.SignatureDef {
		if key != signature.InitOpKey && key != signature.TrainOpKey {
			s[key] = proto.Clone(def).(*signature.SignatureDef)
		}
	}
	return s
}

// TrainOp is the operation that the model offers for training, nil if it has none.
func (m *Model) TrainOp() *tf.Operation {
	name := operationOf(m.MetaGraphDef, signature.TrainOpKey, TrainOpKey)
	if name == "" {
		return nil
	}
	node, _, _ := strings.Cut(inScope(name, m.scope), ":")
	return m.Graph().Operation(node)
}

// Close ends the model, and its session if Open made it.
func (m *Model) Close() error {
	err := m.Saver.Close()
	if m.owns {
		err = errors.Join(err, m.sess.Close())
	}
	return err
}
