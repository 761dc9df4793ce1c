package docs

import (
	"context"
	"errors"
	"log"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
	"github.com/tfkeep/tfkeep/tf/train"
)

// The functions of this file are never called. They hold the pieces of code that the
// documentation shows, so that the compiler checks them. A piece stands in its function
// line for line as in the documentation.

var _ = []any{exportGraphs, importGraphs, gather, replicate, recoverTraining, endTraining, tenLines, evaluator,
	testErrors, testStatus, changeOptimizer, askPython, recompute}

// exportGraphs is in docs/graphs.md.
func exportGraphs(g *tf.Graph) error {
	def, err := g.GraphDef()
	if err != nil {
		return err
	}
	err = graphdef.Write("train/graph.pbtxt", def, &graphdef.WriteOptions{Text: true})
	if err != nil {
		return err
	}

	mg, err := tf.ExportMetaGraph(g, &tf.ExportMetaGraphOptions{
		Filename:    "train/model.meta", // writes this file, too
		ExportScope: "hidden1",          // only this scope
	})
	_ = mg
	return err
}

// importGraphs is in docs/graphs.md.
func importGraphs(ctx context.Context, g *tf.Graph, def *graphdef.GraphDef, mine tf.Output) error {
	im, err := tf.ImportMetaGraphFile(ctx, g, "train/model-1000.meta", &tf.ImportMetaGraphOptions{
		ClearDevices: true,
		ImportScope:  "teacher", // "teacher_1" if it is taken
	})
	if err != nil {
		return err
	}
	w := im.Variables["hidden/w:0"] // by its name in the file

	res, err := tf.ImportGraphDef(ctx, g, def, &tf.ImportGraphDefOptions{
		Name:           "frozen",
		InputMap:       map[string]tf.Output{"x": mine}, // "x" is "x:0"; "^init" is a control input
		ReturnElements: []string{"y:0", "init"},
	})
	if err != nil {
		return err
	}
	y := res.Elements[0].Output()
	_, _ = w, y
	return nil
}

// gather is in docs/saver.md.
func gather(g *tf.Graph, spec *cluster.Spec) (*saver.Saver, error) {
	s, err := saver.New(g, &saver.Options{
		Sharded: true,
		Driver:  saver.Files,
		Gather:  &saver.GatherOptions{Cluster: spec}, // directly from each server
	})
	return s, err
}

// replicate is in docs/cluster.md.
func replicate(ctx context.Context, spec *cluster.Spec, task cluster.Task, server *cluster.Server,
	build func(*tf.Graph) error, trainSteps func(context.Context, *supervisor.Running) error) error {
	g := tf.NewGraph()
	place, err := cluster.ReplicaDeviceSetter(spec, &cluster.ReplicaOptions{WorkerDevice: server.Device()})
	if err != nil {
		return err
	}
	if err := g.WithDeviceFunc(place, func() error { return build(g) }); err != nil {
		return err
	}
	sv, err := saver.New(g, nil)
	if err != nil {
		return err
	}
	defer sv.Close()
	return supervisor.Run(ctx, g, sv, &supervisor.Options{
		Session:   &tf.SessionOptions{Target: server.Target(), DeviceFilters: []string{"/job:ps", server.Device()}},
		Cluster:   spec,
		Worker:    task.Index != 0, // task 0 is the chief: it initializes, saves and restores
		Dir:       "/shared/ckpt",
		SaveSteps: 1000,
	}, func(ctx context.Context, r *supervisor.Running) error {
		return trainSteps(ctx, r) // r.Session has a model that is ready, at r.Step
	})
}

// recoverTraining is in docs/recovery.md.
func recoverTraining(ctx context.Context, g *tf.Graph, sv *saver.Saver, spec *cluster.Spec, task int, server *cluster.Server,
	last int64, trainStep func(context.Context, *tf.Session) (int64, error)) error {
	err := supervisor.Run(ctx, g, sv, &supervisor.Options{
		Session:   &tf.SessionOptions{Target: server.Target(), DeviceFilters: []string{"/job:ps", server.Device()}},
		Cluster:   spec,           // lets Run probe the tasks, and name the one that is gone
		Worker:    task != 0,      // task 0 is the chief
		Dir:       "/shared/ckpt", // the chief resumes from here
		SaveSteps: 1000,           // and saves here
		OnEvent:   func(e supervisor.Event) { log.Print(e) },
	}, func(ctx context.Context, r *supervisor.Running) error {
		for step := r.Step; step < last; {
			var err error
			step, err = trainStep(ctx, r.Session) // one run, which returns the global step
			if err != nil {
				return err // as it is: Run decides by its kind
			}
			if err := r.StepDone(ctx, step); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// changeOptimizer is in the comment of package train.
func changeOptimizer() *train.Adam {
	adam := train.NewAdam(0.001)
	adam.Beta1 = 0
	return adam
}

// testErrors is in the comment of package tfkeep.
func testErrors(ctx context.Context) error {
	r, err := dir.Open(ctx, "train", nil)
	if errors.Is(err, tfkeep.ErrNotFound) {
		return nil // the folder has no checkpoint yet
	}
	var e *tfkeep.Error
	if errors.As(err, &e) {
		log.Printf("cannot %s %s", e.Op, e.Path)
	}
	return r.Close()
}

// testStatus is in the comment of package status.
func testStatus(err error) error {
	if errors.Is(err, status.Unavailable) {
		return nil // a server is gone
	}
	return err
}

// askPython is in the comment of package oracle.
func askPython(t *testing.T) []int64 {
	shape := oracle.Value[[]int64](t, `
	    v = tf1.get_variable("v", args[0], initializer=tf1.zeros_initializer())
	    result = v.shape.as_list()
	`, []int64{2, 3})
	return shape
}

// endTraining is in the comment of supervisor.Run.
func endTraining(ctx context.Context) context.Context {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop)
	return ctx
}

// tenLines is in docs/loop.md.
func tenLines(ctx context.Context, g *tf.Graph, trainOp *tf.Operation) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	sv, err := saver.New(g, nil)
	if err != nil {
		return err
	}
	defer sv.Close() // releases the lock of the directory
	return supervisor.Run(ctx, g, sv, &supervisor.Options{Dir: "ckpt", SaveSteps: 1000}, func(ctx context.Context, r *supervisor.Running) error {
		for step := r.Step; !r.ShouldStop(); {
			if err := r.Session.RunOps(ctx, trainOp); err != nil {
				return err
			}
			step++
			if err := r.StepDone(ctx, step); err != nil {
				return err
			}
		}
		return nil
	})
}

// evaluator is in docs/loop.md.
func evaluator(ctx context.Context, sess *tf.Session, sv *saver.Saver, trainingEnded func() bool, evaluate func(context.Context, *tf.Session) error) error {
	for r, err := range dir.Watch(ctx, "ckpt", &dir.WatchOptions{MinInterval: time.Minute, Ended: trainingEnded}) {
		if err != nil {
			return err
		}
		if _, err := sv.Restore(ctx, sess, r.Prefix(), &saver.RestoreOptions{Source: r}); err != nil {
			return err
		}
		if err := evaluate(ctx, sess); err != nil {
			return err
		}
	}
	return nil
}

// recompute is in docs/gradients.md.
func recompute(g *tf.Graph, loss tf.Output) error {
	step, err := train.Minimize(g, train.NewAdam(0.001), loss, &train.MinimizeOptions{
		Recompute: []string{"block1", "block2"},
	})
	_ = step
	return err
}
