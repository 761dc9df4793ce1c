package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/examples/digits/dataset"
	"github.com/tfkeep/tfkeep/examples/digits/model"
	"github.com/tfkeep/tfkeep/examples/digits/training"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/barerun"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
)

// These pairs compare steps in Go with TF_SessionRun, called by a C program: what Go adds. Both
// run the same GraphDef, everything in the calling thread.
var (
	bareOneOp     = Pair{Name: "step: Callable.RunInto of one op, beside TF_SessionRun called from C", Adds: 2 * time.Microsecond, Prepare: bareStep("op")}
	bareDigits    = Pair{Name: "step: digits, beside TF_SessionRun called from C", Adds: 2 * time.Microsecond, Prepare: bareStep("digits")}
	bareSignature = Pair{Name: "step: Signature.RunInto that trains digits, beside TF_SessionRun called from C", Goal: 1.1, Prepare: bareStep("signature")}
)

const (
	stepGroups = 1000 // of barerun.Group runs
	graphFile  = "graph.pb"
	trainKey   = "train"
)

// bareStep prepares the pair of a kind of step.
func bareStep(kind string) func(ctx context.Context, e *Env) (Measure, Measure, error) {
	return func(ctx context.Context, e *Env) (tfkeep, bare Measure, err error) {
		program, err := barerun.Build(ctx, e.Dir, ".libtensorflow")
		if err != nil {
			return nil, nil, err
		}
		step, err := writeStep(ctx, e, kind)
		if err != nil {
			return nil, nil, err
		}
		bare = func(ctx context.Context) (Sample, error) {
			_, fastest, err := program.Run(ctx, step, stepGroups)
			return Sample{Time: fastest}, err
		}
		return e.SelfReporting("bare", kind, e.Dir), bare, nil
	}
}

// writeStep writes what both sides need into e.Dir, and returns the step of the C program.
func writeStep(ctx context.Context, e *Env, kind string) (barerun.Step, error) {
	step := barerun.Step{GraphDef: filepath.Join(e.Dir, graphFile), Inline: true}
	g := tf.NewGraph()
	if kind == "op" {
		op.Neg(g.Scope().Sub("y"), op.Placeholder(g.Scope().Sub("x"), dtype.Float32))
		step.Feeds = []barerun.Feed{{Op: "x/Placeholder", DType: int32(dtype.Float32)}}
		step.Fetches = []string{"y/Neg"}
		return step, writeGraph(g, step.GraphDef)
	}
	step.Feeds = []barerun.Feed{
		{Op: "x", DType: int32(dtype.Float32), Shape: []int64{training.BatchSize, dataset.Pixels}},
		{Op: "labels", DType: int32(dtype.Int32), Shape: []int64{training.BatchSize}},
	}
	if err := model.BuildIn(g, 1); err != nil {
		return step, err
	}
	init, err := tf.GlobalVariablesInitializer(g)
	if err != nil {
		return step, err
	}
	step.Init = []string{init.Name()}
	train := g.Collection(tf.TrainOp)[0].Op()
	if kind == "digits" {
		if _, err := newDigits(ctx, e); err != nil {
			return step, err
		}
		step.Targets, step.Fetches = []string{train.Name()}, []string{"loss"}
		return step, writeGraph(g, step.GraphDef)
	}
	loss, err := g.OutputByName("loss:0")
	if err != nil {
		return step, err
	}
	trained, err := g.AddOp(tf.OpSpec{Type: "Identity", Name: "trained", Input: []tf.Input{loss}, ControlDependencies: []*tf.Operation{train}})
	if err != nil {
		return step, err
	}
	step.Fetches = []string{trained.Name()}
	if err := exportTraining(ctx, g, init, trained.Output(0), filepath.Join(e.Dir, "model")); err != nil {
		return step, err
	}
	return step, writeGraph(g, step.GraphDef)
}

func writeGraph(g *tf.Graph, path string) error {
	def, err := g.GraphDef()
	if err != nil {
		return err
	}
	raw, err := proto.Marshal(def)
	if err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o644)
}

// exportTraining writes a SavedModel whose signature trains the digits and returns the loss.
func exportTraining(ctx context.Context, g *tf.Graph, init *tf.Operation, loss tf.Output, dir string) error {
	in := make(map[string]tf.Output)
	for _, name := range []string{"x", "labels"} {
		var err error
		if in[name], err = g.OutputByName(name + ":0"); err != nil {
			return err
		}
	}
	sig, err := savedmodel.PredictSignature(in, map[string]tf.Output{"loss": loss})
	if err != nil {
		return err
	}
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		return err
	}
	defer sess.Close()
	if err := sess.RunOps(ctx, init); err != nil {
		return err
	}
	b, err := savedmodel.NewBuilder(dir, nil)
	if err != nil {
		return err
	}
	defer b.Close()
	if err := b.AddMetaGraphAndVariables(ctx, sess, []string{"serve"}, &savedmodel.GraphOptions{
		Signatures: map[string]*graphdef.SignatureDef{trainKey: sig},
	}); err != nil {
		return err
	}
	_, err = b.Save(ctx)
	return err
}

// timeStep prints the time of a step in Go, in seconds: that of the fastest group, because other
// load can only make a group slower.
func timeStep(ctx context.Context, args []string) error {
	kind, dir := args[0], args[1]
	var run func() error
	var done func() error
	var err error
	switch kind {
	case "op":
		run, done, err = oneOp(ctx, filepath.Join(dir, graphFile))
	case "digits":
		run, done, err = digitsLoop(ctx, filepath.Join(dir, "model"))
	default:
		run, done, err = signatureLoop(ctx, filepath.Join(dir, "model"))
	}
	if err != nil {
		return err
	}
	took := make([]time.Duration, stepGroups+1)
	for n := range took {
		start := time.Now()
		for range barerun.Group {
			if err := run(); err != nil {
				return err
			}
		}
		took[n] = time.Since(start)
	}
	fmt.Println(slices.Min(took[1:]).Seconds() / barerun.Group) // the first group does not count
	return done()
}

func oneOp(ctx context.Context, path string) (run, done func() error, err error) {
	def, err := graphdef.ReadGraphDef(path)
	if err != nil {
		return nil, nil, err
	}
	g := tf.NewGraph()
	if _, err := tf.ImportGraphDef(ctx, g, def, &tf.ImportGraphDefOptions{NoPrefix: true}); err != nil {
		return nil, nil, err
	}
	sess, err := tf.NewSession(g, training.SessionOptions)
	if err != nil {
		return nil, nil, err
	}
	x, err := g.OutputByName("x/Placeholder:0")
	if err != nil {
		return nil, nil, err
	}
	y, err := g.OutputByName("y/Neg:0")
	if err != nil {
		return nil, nil, err
	}
	call, err := sess.MakeCallable([]tf.Output{x}, []tf.Output{y}, nil, &tf.CallableOptions{RunInCaller: true})
	if err != nil {
		return nil, nil, err
	}
	v, err := tf.NewTensor(float32(1))
	if err != nil {
		return nil, nil, err
	}
	out := make([]*tf.Tensor, 1)
	return func() error { return call.RunInto(ctx, out, v) }, sess.Close, nil
}

func digitsLoop(ctx context.Context, path string) (run, done func() error, err error) {
	step, closeAll, err := openDigits(ctx, path, training.SessionOptions)
	if err != nil {
		return nil, nil, err
	}
	train, _, err := dataset.Load()
	if err != nil {
		return nil, nil, err
	}
	batch := train.Batch(0, training.BatchSize)
	run = func() error {
		_, err := step.Run(ctx, batch)
		return err
	}
	return run, func() error { closeAll(); return nil }, nil
}

func signatureLoop(ctx context.Context, dir string) (run, done func() error, err error) {
	m, err := savedmodel.Open(ctx, dir, &savedmodel.OpenOptions{Session: training.SessionOptions})
	if err != nil {
		return nil, nil, err
	}
	sig, err := m.Signature(ctx, trainKey, &savedmodel.SignatureOptions{
		Inputs: []string{"x", "labels"}, Trains: true, Callable: &tf.CallableOptions{RunInCaller: true},
	})
	if err != nil {
		return nil, nil, err
	}
	x, err := tf.NewTensor([training.BatchSize][dataset.Pixels]float32{})
	if err != nil {
		return nil, nil, err
	}
	labels, err := tf.NewTensor([training.BatchSize]int32{})
	if err != nil {
		return nil, nil, err
	}
	out := make([]*tf.Tensor, 1)
	return func() error { return sig.RunInto(ctx, out, x, labels) }, m.Close, nil
}
