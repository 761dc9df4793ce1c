package savedmodel

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// Builder makes a SavedModel. One goroutine may use it.
type Builder struct {
	staging *modeldir.Staging
	opts    BuilderOptions
	model   *for_core_protos_go_proto.SavedModel
	saved   bool // the variables are written
	closed  bool
}

// BuilderOptions are those of a model as a whole.
type BuilderOptions struct {
	// Manifest adds a file with the sizes and SHA-256 checksums of all others,
	// which TensorFlow passes over, and Load and "tfkeep verify" check.
	Manifest bool
	// KeepVersions removes all but so many of the newest versions once a model
	// made by NewVersion is in its place; 0 keeps all.
	KeepVersions int
}

// GraphOptions describe one graph of a model. The zero value, and nil, export
// the graph as it is, without signatures.
type GraphOptions struct {
	// Signatures by their keys; see package signature and [Predict].
	Signatures map[string]*signature.SignatureDef
	// Assets are constants with the paths of files that go into the model;
	// AssetsCollection names a collection of such, and adds to them. A file
	// whose name an earlier graph of the model has taken is not copied: that
	// graph's is used, as in TensorFlow.
	Assets           []tf.Output
	AssetsCollection string
	// MainOp is run after loading, with the assets fed. LegacyInitOp is the
	// same under the name that loaders before TensorFlow 1.2 know. At most one.
	MainOp       *tf.Operation
	LegacyInitOp *tf.Operation
	// TrainOp is offered to who loads the model.
	TrainOp *tf.Operation
	// ClearDevices exports no devices.
	ClearDevices bool
	// StripDefaultAttrs leaves out attributes with their default value, so that
	// an older TensorFlow can read the graph.
	StripDefaultAttrs bool
	// Saver saves the variables, and is the one that the model names; nil makes
	// one of all variables, sharded by device, as TensorFlow does.
	Saver *saver.Saver
}

// NewBuilder begins a model that will be at dir, which must not exist or be
// empty: [ErrExists]. A second builder for the same folder, here or in another
// process, is refused with tfkeep.ErrLocked. Close it when it is done with.
func NewBuilder(dir string, o *BuilderOptions) (*Builder, error) {
	b := &Builder{model: &for_core_protos_go_proto.SavedModel{SavedModelSchemaVersion: schemaVersion}}
	if o != nil {
		b.opts = *o
	}
	var err error
	if b.staging, err = modeldir.Begin(dir); err != nil {
		if errors.Is(err, modeldir.ErrExists) {
			return nil, fmt.Errorf("%w: %w", ErrExists, err)
		}
		return nil, fmt.Errorf("savedmodel: %w", err)
	}
	return b, nil
}

// NewVersion begins the next version of a model, in the numbered folder of
// base that TensorFlow Serving would load: base/1, base/2, and so on.
func NewVersion(base string, o *BuilderOptions) (*Builder, error) {
	n, err := modeldir.Next(base)
	if err != nil {
		return nil, fmt.Errorf("savedmodel: %w", err)
	}
	return NewBuilder(filepath.Join(base, strconv.FormatInt(n, 10)), o)
}

// Dir is where the model will be.
func (b *Builder) Dir() string { return b.staging.Dir() }

// Close removes what was made unless it was saved. It may be called any number of times.
func (b *Builder) Close() error {
	b.closed = true
	return b.staging.Close()
}

// AddMetaGraphAndVariables adds the session's graph with the values of its
// variables. It must be the first graph, and its values serve all of them:
// [ErrOrder] otherwise.
func (b *Builder) AddMetaGraphAndVariables(ctx context.Context, sess *tf.Session, tags []string, o *GraphOptions) error {
	switch {
	case b.closed:
		return ErrClosed
	case b.saved:
		return fmt.Errorf("%w: Graph state including variables and assets has already been saved. Please invoke `add_meta_graph()` instead", ErrOrder)
	case sess == nil:
		return fmt.Errorf("%w: no session", ErrArgument)
	}
	return b.add(ctx, sess.Graph(), sess, tags, o)
}

// AddMetaGraph adds a further graph, which shares the variables of the first.
func (b *Builder) AddMetaGraph(ctx context.Context, g *tf.Graph, tags []string, o *GraphOptions) error {
	switch {
	case b.closed:
		return ErrClosed
	case !b.saved:
		return fmt.Errorf("%w: Graph state including variables and assets has not been saved yet. Please invoke `add_meta_graph_and_variables()` first", ErrOrder)
	case g == nil:
		return fmt.Errorf("%w: no graph", ErrArgument)
	}
	return b.add(ctx, g, nil, tags, o)
}

func (b *Builder) add(ctx context.Context, g *tf.Graph, sess *tf.Session, tags []string, o *GraphOptions) error {
	if o == nil {
		o = &GraphOptions{}
	}
	if err := signature.Check(o.Signatures); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	def, err := g.GraphDef()
	if err != nil {
		return fmt.Errorf("savedmodel: %w", err)
	}
	if err := checkSignatures(g, o.Signatures); err != nil {
		return err
	}
	files, err := collectAssets(g, def, o)
	if err != nil {
		return err
	}
	restore, err := addCollections(g, files, o)
	if err != nil {
		return err
	}
	defer restore()
	sv := o.Saver
	if sv == nil {
		if sv, err = saver.New(g, &saver.Options{Sharded: true, AllowEmpty: true}); err != nil {
			return fmt.Errorf("savedmodel: %w", err)
		}
		defer sv.Close()
	}
	if sess != nil {
		if err := b.saveVariables(ctx, sess, sv); err != nil {
			return err
		}
	}
	mg, err := sv.ExportMetaGraph(&tf.ExportMetaGraphOptions{ClearDevices: o.ClearDevices, StripDefaultAttrs: o.StripDefaultAttrs})
	if err != nil {
		return fmt.Errorf("savedmodel: %w", err)
	}
	if err := b.copyAssets(files); err != nil {
		return err
	}
	mg.MetaInfoDef.Tags = append([]string(nil), tags...)
	for key, s := range o.Signatures {
		if mg.SignatureDef == nil {
			mg.SignatureDef = map[string]*signature.SignatureDef{}
		}
		mg.SignatureDef[key] = proto.Clone(s).(*signature.SignatureDef)
	}
	b.model.MetaGraphs = append(b.model.MetaGraphs, mg)
	b.saved = true
	return nil
}

// saveVariables writes the checkpoint of the model.
func (b *Builder) saveVariables(ctx context.Context, sess *tf.Session, sv *saver.Saver) error {
	dir := b.staging.Path(VariablesDir)
	if err := vfs.OS.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("savedmodel: variables: %w", err)
	}
	if _, err := sv.Save(ctx, sess, filepath.Join(dir, VariablesName), &saver.SaveOptions{NoMetaGraph: true, NoState: true}); err != nil {
		return fmt.Errorf("savedmodel: variables: %w", err)
	}
	return nil
}

func collectAssets(g *tf.Graph, def *graphdef.GraphDef, o *GraphOptions) ([]assetFile, error) {
	tensors := append([]tf.Output(nil), o.Assets...)
	if o.AssetsCollection != "" {
		for _, it := range g.Collection(o.AssetsCollection) {
			tensors = append(tensors, it.Output())
		}
	}
	if len(tensors) == 0 {
		return nil, nil
	}
	return assetsOf(def, tensors)
}

func (b *Builder) copyAssets(files []assetFile) error {
	if len(files) == 0 {
		return nil
	}
	dir := b.staging.Path(AssetsDir)
	if err := vfs.OS.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("savedmodel: assets: %w", err)
	}
	for _, f := range files {
		if err := copyAsset(f, dir); err != nil {
			return err
		}
	}
	return vfs.OS.SyncDir(dir)
}

// addCollections puts a graph's assets and operations into its collections for
// the time of the export. restore takes them out again, so that the next
// export of the same graph begins as this one did.
func addCollections(g *tf.Graph, files []assetFile, o *GraphOptions) (restore func(), err error) {
	if o.MainOp != nil && o.LegacyInitOp != nil {
		return nil, fmt.Errorf("%w: MainOp and LegacyInitOp are both given; a model has one init op", ErrArgument)
	}
	var undo []func()
	restore = func() {
		for _, f := range undo {
			f()
		}
	}
	set := func(key string, items ...tf.Item) {
		before := g.Collection(key)
		undo = append(undo, func() {
			if len(before) == 0 {
				g.ClearCollection(key)
			} else {
				g.SetCollection(key, before)
			}
		})
		g.SetCollection(key, append(append([]tf.Item(nil), before...), items...))
	}
	for _, c := range []struct {
		key string
		op  *tf.Operation
	}{{MainOpKey, o.MainOp}, {LegacyInitKey, o.LegacyInitOp}} {
		if c.op == nil {
			continue
		}
		if len(g.Collection(c.key)) > 0 {
			restore()
			return nil, fmt.Errorf("%w: Graph already contains one or more main ops under the collection %s", ErrArgument, c.key)
		}
		set(c.key, tf.NewItem(c.op))
	}
	if o.TrainOp != nil {
		set(TrainOpKey, tf.NewItem(o.TrainOp))
	}
	if len(files) > 0 {
		items, err := assetItems(files)
		if err != nil {
			restore()
			return nil, err
		}
		set(AssetsKey, items...)
	}
	return restore, nil
}

// checkSignatures finds tensors that signatures name and the graph lacks.
func checkSignatures(g *tf.Graph, signatures map[string]*signature.SignatureDef) error {
	var missing []string
	for key, s := range signatures {
		for _, side := range []map[string]*signature.TensorInfo{s.Inputs, s.Outputs} {
			for name, info := range side {
				for _, t := range tensorNames(info) {
					if _, err := g.OutputByName(t); err != nil && g.Operation(t) == nil {
						missing = append(missing, fmt.Sprintf("%s of %q names %q", name, key, t))
					}
				}
			}
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: the graph lacks tensors: %s", ErrSignature, joinSorted(missing))
	}
	return nil
}

// Save writes the graphs, as text if asText, and puts the model in its place,
// in one step. It returns the path of the file with the graphs. The builder is
// closed then.
func (b *Builder) Save(ctx context.Context, asText bool) (string, error) {
	if b.closed {
		return "", ErrClosed
	}
	if !b.saved {
		return "", fmt.Errorf("%w: the model has no graph; call AddMetaGraphAndVariables first", ErrOrder)
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	name := FilenamePB
	if asText {
		name = FilenamePBTxt
	}
	if err := graphdef.Write(b.staging.Path(name), b.model, &graphdef.WriteOptions{Text: asText}); err != nil {
		return "", fmt.Errorf("savedmodel: %w", err)
	}
	if b.opts.Manifest {
		if err := modeldir.WriteManifest(ctx, b.staging.Path()); err != nil {
			return "", fmt.Errorf("savedmodel: manifest: %w", err)
		}
	}
	dir := b.staging.Dir()
	if err := b.staging.Commit(); errors.Is(err, modeldir.ErrExists) {
		return "", fmt.Errorf("%w: %w", ErrExists, err)
	} else if err != nil {
		return "", fmt.Errorf("savedmodel: %w", err)
	}
	b.closed = true
	if b.opts.KeepVersions > 0 {
		if _, err := modeldir.Prune(filepath.Dir(dir), b.opts.KeepVersions); err != nil {
			return filepath.Join(dir, name), fmt.Errorf("savedmodel: %w", err)
		}
	}
	return filepath.Join(dir, name), nil
}

// SimpleSave exports a session for serving: one graph, tagged "serve", with the
// signature "serving_default" of the given inputs and outputs.
func SimpleSave(ctx context.Context, sess *tf.Session, dir string, inputs, outputs map[string]tf.Output) error {
	sig, err := Predict(inputs, outputs)
	if err != nil {
		return err
	}
	b, err := NewBuilder(dir, nil)
	if err != nil {
		return err
	}
	defer b.Close()
	err = b.AddMetaGraphAndVariables(ctx, sess, []string{signature.ServingTag}, &GraphOptions{
		Signatures: map[string]*signature.SignatureDef{signature.DefaultServingKey: sig},
	})
	if err != nil {
		return err
	}
	_, err = b.Save(ctx, false)
	return err
}
