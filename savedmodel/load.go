package savedmodel

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/safety"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// LoadOptions are the options of [Load] and [LoadGraph]. Nil and the zero value load a
// model as it is, and refuse what is unsafe.
type LoadOptions struct {
	// FS is the file system with the model's folder: an archive (zip.Reader), files
	// inside the program (embed.FS), memory. Nil means the operating system's. With
	// FS, folders are named as in package io/fs: "." is the root. Assets, which
	// TensorFlow reads as files, are copied into a temporary folder while the
	// initialization runs.
	FS fs.FS
	// ImportScope is a prefix for the names of the graph.
	ImportScope string
	// ClearDevices removes the devices of the nodes, so that a model made on a
	// GPU runs without one.
	ClearDevices bool
	// ReturnElements are operations ("a") and tensors ("a:0") to look up; see
	// Model.Elements.
	ReturnElements []string
	// Saver has options for the Saver that restores the variables.
	Saver *saver.Options
	// AllowOps names ops that may run while the graph is imported, variables are
	// restored and the model is initialized, although package safety refuses them:
	// because they reach out of the model, may wait without end, or have not been
	// reviewed. AllowAllOps allows all ops.
	AllowOps    []string
	AllowAllOps bool
	// CheckSignatures also refuses a model with a signature that would run such ops
	// when it is called. A service that runs the models of strangers sets it.
	CheckSignatures bool
	// Limits bound what the graph may ask of this process. Nil means the defaults, except
	// that constants and stated sizes may take 64 MiB and twice the space that the model's
	// files take on the disk, or in their archive.
	Limits *check.Limits
	// SkipManifest skips the comparison of the files with the model's manifest, which
	// reads all of them once more; see BuilderOptions.
	SkipManifest bool
}

// OpenOptions are the options of [Open].
type OpenOptions struct {
	LoadOptions
	// Tags choose the graph, as those of [Load] do.
	Tags []string
	// Session has options for the session; nil means TensorFlow's defaults.
	Session *tf.SessionOptions
}

// Model is a loaded SavedModel.
type Model struct {
	// MetaGraphDef is the graph as it is in the file, with its signatures and
	// collections, and with default attributes filled in. Its names do not have the
	// import scope.
	MetaGraphDef *graphdef.MetaGraphDef
	// Session is the session that the model runs in.
	Session *tf.Session
	// Scope is the prefix of the model's names in the session's graph, without the
	// final slash.
	Scope string
	// Elements are the ReturnElements, in order.
	Elements []tf.Item
	// Saver saves and restores the model's variables. It is never nil; for a model
	// without variables it is empty.
	Saver *saver.Saver

	dir           string // the folder of the model
	graphSum      uint32 // the checksum of the file with its graphs
	byObjects     bool   // Saver is that of useObjects
	linked        bool   // linkObjects has run
	twins         twins
	defaultValues defaultValues
	opts          LoadOptions
	plan          *safety.Plan
	ownsSession   bool
	closed        atomic.Bool
}

// Open loads a model into a new graph and a new session, which Model.Close closes.
// Its errors are those of [Load].
//
// When ctx is done, Open returns at once. If TensorFlow is busy with the model then, it
// goes on in the background: it cannot be stopped. Session and files are freed when it
// ends, which a hostile model may prevent.
func Open(ctx context.Context, dir string, o *OpenOptions) (*Model, error) {
	if o == nil {
		o = &OpenOptions{}
	}
	return await(ctx, dir, nil, func() (*Model, error) { return open(ctx, dir, o) }, func(m *Model) {
		_ = m.Close() // Open has returned, so no caller can get this error
	})
}

func open(ctx context.Context, dir string, o *OpenOptions) (*Model, error) {
	sess, err := tf.NewSession(tf.NewGraph(), o.Session)
	if err != nil {
		return nil, loadCause(dir, "", err)
	}
	m, err := load(ctx, sess, o.Tags, dir, &o.LoadOptions)
	if err != nil {
		return nil, errors.Join(err, sess.Close())
	}
	m.ownsSession = true
	return m, nil
}

// Load imports the graph with exactly the given tags into the session's graph,
// restores the variables, and runs the model's initialization. Without tags it loads the
// only graph; of several, the one without tags, or else the one with the tag "serve" alone.
// It is TensorFlow's tf.compat.v1.saved_model.load.
//
// The error is tfkeep.ErrExists, and the graph is as it was, if the graph has a node of the
// same name as one that the model finds by name, such as an input, a variable or a node of
// its Saver: set LoadOptions.ImportScope then. It is ErrExists, too, if a variable or table
// of the model would share its content with one of the graph, because both have the same
// shared_name: load the model into a session of its own.
//
// The error is tfkeep.ErrNotFound if the folder has no SavedModel or the model has no
// graph with these tags, ErrUnsafe if the model asks for something that LoadOptions do
// not allow, ErrTooLarge if it exceeds LoadOptions.Limits, ErrCorrupt if it contradicts
// itself, or an error of saver.Saver.Restore, which then has assigned nothing.
//
// When ctx is done, Load returns at once. If TensorFlow is busy with the model then, it
// goes on in the background, in the caller's session, which then cannot be used any more;
// closing it does not wait.
func Load(ctx context.Context, sess *tf.Session, tags []string, dir string, o *LoadOptions) (*Model, error) {
	return await(ctx, dir, sess, func() (*Model, error) { return load(ctx, sess, tags, dir, o) }, func(m *Model) {
		_ = m.Close() // Load has returned, so no caller can get this error
	})
}

func load(ctx context.Context, sess *tf.Session, tags []string, dir string, o *LoadOptions) (*Model, error) {
	m, files, err := beginLoad(sess, dir, o)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	if !m.opts.SkipManifest {
		if err := files.checkManifest(ctx); err != nil {
			return nil, err
		}
	}
	if err := m.importGraph(ctx, files, tags); err != nil {
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

// LoadGraph imports the graph with the given tags, without values: call
// Model.RestoreVariables and Model.RunInitOps for them. Model.Close does not close the
// session. The errors are those of [Load], and so is what happens when ctx is done.
func LoadGraph(ctx context.Context, sess *tf.Session, tags []string, dir string, o *LoadOptions) (*Model, error) {
	return await(ctx, dir, sess, func() (*Model, error) {
		m, files, err := beginLoad(sess, dir, o)
		if err != nil {
			return nil, err
		}
		defer files.Close()
		if err := m.importGraph(ctx, files, tags); err != nil {
			return nil, err
		}
		return m, nil
	}, func(m *Model) { _ = m.Close() })
}

func beginLoad(sess *tf.Session, dir string, o *LoadOptions) (*Model, *folder, error) {
	if sess == nil {
		return nil, nil, loadError(dir, tfkeep.ErrArgument, "the session is nil")
	}
	m := &Model{Session: sess, dir: dir}
	if o != nil {
		m.opts = *o
	}
	files, err := openFolder(dir, m.opts.FS)
	return m, files, err
}

func (m *Model) importGraph(ctx context.Context, files *folder, tags []string) error {
	mg, sum, err := files.graph(tags)
	if err != nil {
		return err
	}
	m.graphSum = sum
	limits, err := m.limits(files)
	if err != nil {
		return err
	}
	if err := check.Graph(mg.GetGraphDef(), &check.Options{Limits: limits, IgnoreDevices: m.opts.ClearDevices}); errors.Is(err, tfkeep.ErrTooLarge) {
		return loadCause(files.name, "", err)
	} else if err != nil && !needsOps(err) {
		return &tfkeep.Error{Op: "load", Path: files.name, Err: tfkeep.ErrCorrupt, Cause: err}
	}
	if err := m.checkSafety(files, mg, limits); err != nil {
		return err
	}
	if err := m.checkApart(files, mg); err != nil {
		return err
	}
	im, err := tf.ImportMetaGraph(ctx, m.Graph(), mg, &tf.ImportMetaGraphOptions{
		ClearDevices: m.opts.ClearDevices, ImportScope: m.opts.ImportScope, ReturnElements: m.opts.ReturnElements,
		AllowOps: m.allowed(mg.GetGraphDef()), Limits: limits,
	})
	if err != nil {
		return loadCause(files.name, "", err)
	}
	opdef.AddDefaults(mg.GraphDef, nil)
	if m.Saver, err = saver.FromImported(m.Graph(), im, m.saverOptions(mg.GetGraphDef())); err != nil {
		return loadCause(files.name, "", err)
	}
	m.MetaGraphDef, m.Elements, m.Scope = mg, im.Elements, im.Scope
	if err := m.useObjects(ctx, files); err != nil {
		return loadCause(files.name, "", errors.Join(err, m.Saver.Close()))
	}
	return nil
}

// limits returns the limits for the model's graph.
func (m *Model) limits(files *folder) (*check.Limits, error) {
	var l check.Limits
	if m.opts.Limits != nil {
		l = *m.opts.Limits
	}
	if l.Bytes == 0 {
		size, err := files.size()
		if err != nil {
			return nil, err
		}
		l.Bytes = 64<<20 + 2*size
	}
	return &l, nil
}

// RestoreVariables restores the model's variables from the checkpoint of the model in
// dir, which LoadOptions.FS has if it is set. When ctx is done, it returns soon, as [Load] does.
func (m *Model) RestoreVariables(ctx context.Context, dir string) error {
	return m.awaitStep(ctx, dir, func() error {
		files, err := openFolder(dir, m.opts.FS)
		if err != nil {
			return err
		}
		defer files.Close()
		return m.restoreVariables(ctx, files)
	})
}

func (m *Model) restoreVariables(ctx context.Context, files *folder) error {
	if m.Saver.SaverDef() == nil {
		return nil // no variables
	}
	r, err := files.variables(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := m.linkObjects(ctx, r); err != nil {
		return loadCause(files.name, "", err)
	}
	_, err = m.Saver.Restore(ctx, m.Session, files.name+"/"+modeldir.VariablesDir, &saver.RestoreOptions{Source: r})
	if errors.Is(err, savergraph.ErrUnknownForm) { // the functions of TensorFlow 2 read the files themselves
		err = m.restoreByFunctions(ctx, files, r)
	}
	if err != nil {
		return loadCause(files.name, "", err)
	}
	return nil
}

// RunInitOps runs the model's initialization with the assets of the model in dir, which
// LoadOptions.FS has if it is set. When ctx is done, it returns soon, as [Load] does.
func (m *Model) RunInitOps(ctx context.Context, dir string) error {
	return m.awaitStep(ctx, dir, func() error {
		files, err := openFolder(dir, m.opts.FS)
		if err != nil {
			return err
		}
		defer files.Close()
		return m.runInit(ctx, files)
	})
}

// Graph returns the graph of the model's session.
func (m *Model) Graph() *tf.Graph { return m.Session.Graph() }

// Signatures returns copies of the model's signatures by their keys.
func (m *Model) Signatures() map[string]*graphdef.SignatureDef {
	s := make(map[string]*graphdef.SignatureDef, len(m.MetaGraphDef.SignatureDef))
	for key, def := range m.MetaGraphDef.SignatureDef {
		if !modeldir.IsReserved(key) {
			s[key] = proto.Clone(def).(*graphdef.SignatureDef)
		}
	}
	return s
}

// TrainOp returns the operation that the model offers for training, or nil if it has
// none.
func (m *Model) TrainOp() *tf.Operation {
	name := signatureOp(m.MetaGraphDef, modeldir.TrainOpKey)
	if names := m.MetaGraphDef.CollectionDef[modeldir.TrainOpCollection].GetNodeList().GetValue(); name == "" && len(names) > 0 {
		name = names[0]
	}
	if name == "" {
		return nil
	}
	return findOperation(m.Graph(), name, m.Scope)
}

// Close closes the Saver, and the session if Open made it.
func (m *Model) Close() error {
	if m == nil || m.Session == nil {
		return argcheck.Nil("close", "", "Model")
	}
	m.closed.Store(true)
	m.defaultValues.close()
	err := m.Saver.Close()
	if m.ownsSession {
		err = errors.Join(err, m.Session.Close())
	}
	return err
}

// needsOps reports whether an error of package check is only that ops are not known. A library
// that was loaded may have them: the import finds out.
func needsOps(err error) bool {
	faults, ok := errors.AsType[*check.Error](err)
	return ok && !slices.ContainsFunc(faults.Faults, func(f check.Fault) bool { return !f.IsUnknownOp() })
}
