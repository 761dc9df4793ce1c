package savedmodel

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// Builder makes a SavedModel. It is for one goroutine at a time.
type Builder struct {
	staging *modeldir.Staging
	opts    BuilderOptions
	model   *for_core_protos_go_proto.SavedModel
	closed  bool
}

// BuilderOptions are the options of a whole model.
type BuilderOptions struct {
	// Text writes the graphs as text, saved_model.pbtxt, instead of binary.
	Text bool
	// Manifest adds a file with the sizes and SHA-256 checksums of all others. TensorFlow
	// ignores it; Load and "tfkeep verify" check it.
	Manifest bool
	// KeepVersions is the number of newest versions to keep once a model of NewVersion is
	// in its place; older ones are removed. 0 keeps all.
	KeepVersions int
}

// GraphOptions are the options of one graph of a model. The zero value, and nil, export
// the graph as it is, without signatures.
type GraphOptions struct {
	// Signatures by their keys; see package signature and [PredictSignature].
	Signatures map[string]*graphdef.SignatureDef
	// Assets are constant tensors with the paths of files that are copied into the
	// model. AssetsCollection names a collection of more such tensors. A file with the
	// name of an asset of an earlier graph is not copied; the graph then uses that
	// asset, as in TensorFlow.
	Assets           []tf.Output
	AssetsCollection string
	// MainOp runs after loading, with the assets fed. LegacyInitOp is the same under the
	// name that loaders before TensorFlow 1.2 know. At most one of them may be set.
	MainOp       *tf.Operation
	LegacyInitOp *tf.Operation
	// TrainOp is the training step that Model.TrainOp returns.
	TrainOp *tf.Operation
	// ClearDevices exports the graph without devices.
	ClearDevices bool
	// StripDefaultAttrs leaves out attributes with their default value, so that
	// an older TensorFlow can read the graph.
	StripDefaultAttrs bool
	// Saver saves the variables, and its nodes restore them. Nil means a new Saver of
	// all variables, sharded by device, as in TensorFlow. A Saver that lacks variables which
	// the graph has got since is a tfkeep.ErrMismatch.
	Saver *saver.Saver
}

// NewBuilder starts a model that will be in dir. The error is tfkeep.ErrExists if dir
// exists and is not empty, and tfkeep.ErrLocked if another Builder, in this process or
// another one, works on the same folder. Call Close when the Builder is no longer
// needed.
func NewBuilder(dir string, o *BuilderOptions) (*Builder, error) {
	const schemaVersion = 1
	b := &Builder{model: &for_core_protos_go_proto.SavedModel{SavedModelSchemaVersion: schemaVersion}}
	if o != nil {
		b.opts = *o
	}
	var err error
	if b.staging, err = modeldir.Begin(dir); err != nil {
		return nil, err
	}
	return b, nil
}

// NewVersion starts the next version of a model, in the numbered folder of base that
// TensorFlow Serving would load: base/1, base/2, and so on.
func NewVersion(base string, o *BuilderOptions) (*Builder, error) {
	n, err := modeldir.Next(base)
	if err != nil {
		return nil, buildCause(base, "", err)
	}
	return NewBuilder(filepath.Join(base, strconv.FormatInt(n, 10)), o)
}

// Dir returns the folder of the model, which exists once Save has returned.
func (b *Builder) Dir() string { return b.staging.Dir() }

// Close removes the files of a model that was not saved. It may be called more than once.
func (b *Builder) Close() error {
	if b == nil || b.staging == nil {
		return argcheck.Nil("close", "", "Builder")
	}
	b.closed = true
	return b.staging.Close()
}

// check returns an error if the Builder is closed, if NewBuilder has not made it, or if ctx
// is nil.
func (b *Builder) check(ctx context.Context) error {
	switch {
	case b == nil || b.staging == nil:
		return argcheck.Nil("build model", "", "Builder")
	case b.closed:
		return b.closedError()
	case ctx == nil:
		return argcheck.Nil("build model", b.Dir(), "context")
	}
	return nil
}

// AddMetaGraphAndVariables adds the session's graph and the values of its variables. It
// must be the first call, and further graphs share these values: tfkeep.ErrArgument
// otherwise.
func (b *Builder) AddMetaGraphAndVariables(ctx context.Context, sess *tf.Session, tags []string, o *GraphOptions) error {
	if err := b.check(ctx); err != nil {
		return err
	}
	switch {
	case len(b.model.MetaGraphs) > 0:
		return buildError(b.Dir(), tfkeep.ErrArgument, "the variables are saved already; add further graphs with AddMetaGraph")
	case sess == nil:
		return buildError(b.Dir(), tfkeep.ErrArgument, "the session is nil")
	}
	return b.add(ctx, sess.Graph(), sess, tags, o)
}

// AddMetaGraph adds another graph, which shares the variables of the first one.
func (b *Builder) AddMetaGraph(ctx context.Context, g *tf.Graph, tags []string, o *GraphOptions) error {
	if err := b.check(ctx); err != nil {
		return err
	}
	switch {
	case len(b.model.MetaGraphs) == 0:
		return buildError(b.Dir(), tfkeep.ErrArgument, "the variables are not saved yet; add the first graph with AddMetaGraphAndVariables")
	case g == nil:
		return buildError(b.Dir(), tfkeep.ErrArgument, "the graph is nil")
	}
	return b.add(ctx, g, nil, tags, o)
}

func (b *Builder) closedError() error {
	return &tfkeep.Error{Op: "build", Path: b.Dir(), Err: tfkeep.ErrClosed}
}

// add adds a graph, with the values of its variables if sess is not nil.
func (b *Builder) add(ctx context.Context, g *tf.Graph, sess *tf.Session, tags []string, o *GraphOptions) error {
	if o == nil {
		o = &GraphOptions{}
	}
	if err := signature.CheckAll(o.Signatures); err != nil {
		return buildCause(b.Dir(), "", err)
	}
	if err := b.checkTensors(g, o.Signatures); err != nil {
		return err
	}
	files, err := b.findAssets(g, o)
	if err != nil {
		return err
	}
	undo, err := b.addCollections(g, files, o)
	defer undo()
	if err != nil {
		return err
	}
	sv := o.Saver
	if sv == nil {
		if sv, err = saver.New(g, &saver.Options{Sharded: true, AllowEmpty: true}); err != nil {
			return buildCause(b.Dir(), "", err)
		}
		defer sv.Close()
	}
	if err := sv.CheckCovered(); err != nil {
		return buildCause(b.Dir(), "", err)
	}
	if sess != nil {
		if err := b.saveVariables(ctx, sess, sv); err != nil {
			return buildCause(b.Dir(), "", err)
		}
	}
	mg, err := sv.ExportMetaGraph(&tf.ExportMetaGraphOptions{ClearDevices: o.ClearDevices, StripDefaultAttrs: o.StripDefaultAttrs})
	if err != nil {
		return buildCause(b.Dir(), "", err)
	}
	if err := b.copyAssets(files); err != nil {
		return buildCause(b.Dir(), "copy assets", err)
	}
	mg.MetaInfoDef.Tags = slices.Clone(tags)
	for key, s := range o.Signatures {
		if mg.SignatureDef == nil {
			mg.SignatureDef = map[string]*graphdef.SignatureDef{}
		}
		mg.SignatureDef[key] = proto.Clone(s).(*graphdef.SignatureDef)
	}
	b.model.MetaGraphs = append(b.model.MetaGraphs, mg)
	return nil
}

// saveVariables writes the checkpoint of the model.
func (b *Builder) saveVariables(ctx context.Context, sess *tf.Session, sv *saver.Saver) error {
	dir := b.staging.Path(modeldir.VariablesDir)
	if err := vfs.OS.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	_, err := sv.Save(ctx, sess, filepath.Join(dir, modeldir.VariablesName), &saver.SaveOptions{NoMetaGraph: true, NoState: true})
	return err
}

// findAssets returns the files of the graph's assets.
func (b *Builder) findAssets(g *tf.Graph, o *GraphOptions) ([]assetFile, error) {
	tensors := slices.Clone(o.Assets)
	if o.AssetsCollection != "" {
		for _, it := range g.Collection(o.AssetsCollection) {
			tensors = append(tensors, it.Output())
		}
	}
	if len(tensors) == 0 {
		return nil, nil
	}
	def, err := g.GraphDef()
	if err != nil {
		return nil, buildCause(b.Dir(), "", err)
	}
	return findAssets(b.Dir(), def, tensors)
}

func (b *Builder) copyAssets(files []assetFile) error {
	if len(files) == 0 {
		return nil
	}
	dir := b.staging.Path(modeldir.AssetsDir)
	if err := vfs.OS.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		if err := copyAsset(f, dir); err != nil {
			return err
		}
	}
	return vfs.OS.SyncDir(dir)
}

// addCollections adds a graph's assets and operations to its collections for the
// export. undo, which is never nil, restores the collections, so that the next export
// of the same graph starts from the same state.
func (b *Builder) addCollections(g *tf.Graph, files []assetFile, o *GraphOptions) (undo func(), err error) {
	before := map[string][]tf.Item{}
	undo = func() {
		for key, items := range before {
			g.SetCollection(key, items)
		}
	}
	add := func(key string, items ...tf.Item) {
		before[key] = g.Collection(key)
		g.SetCollection(key, slices.Concat(before[key], items))
	}
	if o.MainOp != nil && o.LegacyInitOp != nil {
		return undo, buildError(b.Dir(), tfkeep.ErrArgument, "MainOp and LegacyInitOp are both set; a model has one init op")
	}
	for _, c := range []struct {
		key string
		op  *tf.Operation
	}{{modeldir.MainOpCollection, o.MainOp}, {modeldir.LegacyInitCollection, o.LegacyInitOp}} {
		if c.op == nil {
			continue
		}
		if len(g.Collection(c.key)) > 0 {
			return undo, buildError(b.Dir(), tfkeep.ErrArgument, "the graph's collection %s already has an init op", c.key)
		}
		add(c.key, tf.NewItem(c.op))
	}
	if o.TrainOp != nil {
		add(modeldir.TrainOpCollection, tf.NewItem(o.TrainOp))
	}
	if len(files) > 0 {
		items, err := assetItems(b.Dir(), files)
		if err != nil {
			return undo, err
		}
		add(modeldir.AssetsCollection, items...)
	}
	return undo, nil
}

// checkTensors checks that the graph has the tensors that its signatures name.
func (b *Builder) checkTensors(g *tf.Graph, signatures map[string]*graphdef.SignatureDef) error {
	var missing []string
	check := func(key string, side map[string]*graphdef.TensorInfo) {
		for _, name := range slices.Sorted(maps.Keys(side)) {
			for _, t := range signature.TensorNames(side[name]) {
				if _, err := g.OutputByName(t); err != nil && g.Operation(t) == nil {
					missing = append(missing, fmt.Sprintf("%q for %q of signature %q", t, name, key))
				}
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(signatures)) {
		check(key, signatures[key].GetInputs())
		check(key, signatures[key].GetOutputs())
	}
	if len(missing) > 0 {
		return buildError(b.Dir(), tfkeep.ErrArgument, "the graph lacks tensors: %s", strings.Join(missing, "; "))
	}
	return nil
}

// Save writes the graphs and moves the model into its place in one step. It returns the
// path of the file with the graphs. The Builder is closed then. If the model is in its
// place but older versions could not be removed, Save returns the path and an error.
func (b *Builder) Save(ctx context.Context) (string, error) {
	if err := b.check(ctx); err != nil {
		return "", err
	}
	if len(b.model.MetaGraphs) == 0 {
		return "", buildError(b.Dir(), tfkeep.ErrArgument, "the model has no graph; call AddMetaGraphAndVariables first")
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	dir, name := b.Dir(), modeldir.FilenamePB
	if b.opts.Text {
		name = modeldir.FilenamePBText
	}
	if err := graphdef.Write(b.staging.Path(name), b.model, &graphdef.WriteOptions{Text: b.opts.Text}); err != nil {
		return "", buildCause(dir, "", err)
	}
	if b.opts.Manifest {
		if err := modeldir.WriteManifest(ctx, b.staging.Path()); err != nil {
			return "", buildCause(dir, "", err)
		}
	}
	if err := b.staging.Commit(); err != nil {
		return "", err
	}
	b.closed = true
	if b.opts.KeepVersions > 0 {
		if _, err := modeldir.Prune(filepath.Dir(dir), b.opts.KeepVersions); err != nil {
			return filepath.Join(dir, name), buildCause(dir, "remove older versions", err)
		}
	}
	return filepath.Join(dir, name), nil
}

// SimpleSaveOptions are the options of [SimpleSave].
type SimpleSaveOptions struct {
	// InitOp runs when the model is loaded. By default the operations of the graph's
	// collection "table_initializer" run, if it has some.
	InitOp *tf.Operation
}

// SimpleSave exports a session for serving: one graph with the tag "serve" and the
// signature "serving_default" of the given inputs and outputs, without devices, and with the
// files that the graph's collection "asset_filepaths" names. If dir exists and is not
// empty, the error is a tfkeep.ErrExists. It is TensorFlow's simple_save; only the
// default of InitOp differs, with which the tables of a graph work when it is served.
func SimpleSave(ctx context.Context, sess *tf.Session, dir string, inputs, outputs map[string]tf.Output, o *SimpleSaveOptions) error {
	if o == nil {
		o = &SimpleSaveOptions{}
	}
	sig, err := PredictSignature(inputs, outputs)
	if err != nil {
		return err
	}
	b, err := NewBuilder(dir, nil)
	if err != nil {
		return err
	}
	defer b.Close()
	init := o.InitOp
	if init == nil && sess != nil {
		if init, err = initAllTables(sess.Graph()); err != nil {
			return buildCause(dir, "", err)
		}
	}
	err = b.AddMetaGraphAndVariables(ctx, sess, []string{signature.ServingTag}, &GraphOptions{
		Signatures:       map[string]*graphdef.SignatureDef{signature.DefaultServingKey: sig},
		AssetsCollection: assetFilepaths,
		MainOp:           init,
		ClearDevices:     true,
	})
	if err != nil {
		return err
	}
	_, err = b.Save(ctx)
	return err
}

// assetFilepaths is the key of the collection of the constants with the paths of files.
const assetFilepaths = "asset_filepaths"

// initAllTables returns the operation that fills the tables of a graph, nil if it has none or
// an init op of its own already. It is tf.compat.v1.tables_initializer.
func initAllTables(g *tf.Graph) (*tf.Operation, error) {
	if len(g.Collection(modeldir.MainOpCollection))+len(g.Collection(modeldir.LegacyInitCollection)) > 0 {
		return nil, nil
	}
	var fills []*tf.Operation
	for _, it := range g.Collection(tf.TableInitializers) {
		if out := it.Output(); out.Op != nil {
			fills = append(fills, out.Op)
		} else if op, ok := it.Value().(*tf.Operation); ok {
			fills = append(fills, op)
		}
	}
	if len(fills) == 0 {
		return nil, nil
	}
	return g.AddOp(tf.OpSpec{Type: "NoOp", Name: g.UniqueName("init_all_tables"), ControlDependencies: fills})
}
