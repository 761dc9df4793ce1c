package interop

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// A fault child is this test binary, run once for each fault: it resumes from a folder,
// saves savesPerRun times, and prints what became of each save.
const (
	faultChildMode   = "TFKEEP_INTEROP_FAULT_MODE"
	faultChildFolder = "TFKEEP_INTEROP_FAULT_FOLDER"
	savesPerRun      = 3
)

// saveMode is a way to save repeatedly.
type saveMode struct {
	name    string
	options saver.Options
	// same saves without step numbers, so that each save replaces the last one.
	same  bool
	async bool
}

var saveModes = []saveMode{
	{name: "steps"},
	{name: "keep 1", options: saver.Options{MaxToKeep: 1}},
	{name: "same prefix", same: true},
	{name: "sharded", options: saver.Options{Sharded: true, MaxToKeep: 2}},
	{name: "async", options: saver.Options{MaxToKeep: 2}, async: true},
	{name: "V1", options: saver.Options{MaxToKeep: 2, WriteVersion: checkpoint.V1}},
}

const exportMode = "export"

// runFaultChild does the work of a fault child.
func runFaultChild(mode, folder string) error {
	ctx := context.Background()
	if mode == exportMode {
		return exportOnce(ctx, folder)
	}
	for _, m := range saveModes {
		if m.name == mode {
			return m.run(ctx, folder)
		}
	}
	return fmt.Errorf("no mode %q", mode)
}

// counter is a model of two variables and a step, all of which have the same value, so that
// a checkpoint that mixes two saves is seen.
type counter struct {
	g    *tf.Graph
	sess *tf.Session
	feed tf.Output
	set  []*tf.Operation
	v    *tf.Variable
}

func newCounter() (*counter, error) {
	g := tf.NewGraph()
	feed, err := g.AddOp(tf.OpSpec{Type: "Placeholder", Name: "in", Attrs: map[string]any{"dtype": dtype.Int64, "shape": tf.MakeShape()}})
	if err != nil {
		return nil, err
	}
	c := &counter{g: g, feed: feed.Output(0)}
	for i, name := range []string{"global_step", "v", "w"} {
		v, err := tf.NewVariable(g, name, tf.Value(int64(0)), &tf.VariableOptions{Device: fmt.Sprintf("/cpu:%d", i%2)})
		if err != nil {
			return nil, err
		}
		set, err := v.Assign(c.feed)
		if err != nil {
			return nil, err
		}
		c.set = append(c.set, set)
		if i == 0 {
			g.AddToCollection(tf.GlobalStep, v)
		} else {
			c.v = v
		}
	}
	return c, nil
}

// start opens the session. It comes after the Saver, which adds nodes.
func (c *counter) start(ctx context.Context) error {
	initialize, err := tf.GlobalVariablesInitializer(c.g)
	if err != nil {
		return err
	}
	if c.sess, err = tf.NewSession(c.g, &tf.SessionOptions{DeviceCount: map[string]int32{"CPU": 2}, DisableGrappler: true}); err != nil {
		return err
	}
	return c.sess.RunOps(ctx, initialize)
}

func (c *counter) setTo(ctx context.Context, step int64) error {
	value, err := tf.NewTensor(step)
	if err != nil {
		return err
	}
	defer tf.Release(value)
	_, err = c.sess.Run(ctx, map[tf.Output]*tf.Tensor{c.feed: value}, nil, c.set, nil)
	return err
}

func (m *saveMode) run(ctx context.Context, folder string) (err error) {
	c, err := newCounter()
	if err != nil {
		return err
	}
	s, err := saver.New(c.g, &m.options)
	if err != nil {
		return err
	}
	if err := c.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.sess.Close()) }()
	r, err := s.Resume(ctx, c.sess, folder, nil)
	if err != nil {
		fmt.Println("resume failed:", err)
		return err
	}
	var step int64
	if r.Fresh {
		fmt.Println("fresh")
	} else {
		step = r.Step
		fmt.Println("resumed", step)
	}
	for range savesPerRun {
		step++
		if err := c.setTo(ctx, step); err != nil {
			return err
		}
		if err := m.save(ctx, c, s, folder, step); err != nil {
			fmt.Println("failed", step, err)
		} else {
			fmt.Println("saved", step)
		}
	}
	if err := s.Close(); err != nil {
		fmt.Println("close failed:", err)
	}
	return nil
}

func (m *saveMode) save(ctx context.Context, c *counter, s *saver.Saver, folder string, step int64) error {
	o := &saver.SaveOptions{}
	if !m.same {
		o.GlobalStep = saver.Step(step)
	}
	path := filepath.Join(folder, "m")
	if !m.async {
		_, err := s.Save(ctx, c.sess, path, o)
		return err
	}
	pending, err := s.SaveAsync(ctx, c.sess, path, o)
	if err != nil {
		return err
	}
	_, err = pending.Wait(ctx)
	return err
}

// exportOnce exports the next version of a model.
func exportOnce(ctx context.Context, folder string) error {
	c, err := newCounter()
	if err != nil {
		return err
	}
	if err := c.start(ctx); err != nil {
		return err
	}
	b, err := savedmodel.NewVersion(folder, nil)
	if err != nil {
		fmt.Println("failed 0", err)
		return nil
	}
	read := c.v.Value()
	predict, err := savedmodel.PredictSignature(map[string]tf.Output{"in": c.feed}, map[string]tf.Output{"out": read})
	if err != nil {
		return err
	}
	err = b.AddMetaGraphAndVariables(ctx, c.sess, []string{"serve"}, &savedmodel.GraphOptions{
		Signatures:   map[string]*graphdef.SignatureDef{"serving_default": predict},
		ClearDevices: true,
	})
	if err == nil {
		_, err = b.Save(ctx)
	}
	if err != nil {
		fmt.Println("failed 0", err)
	} else {
		fmt.Println("saved 0")
	}
	if err := b.Close(); err != nil {
		fmt.Println("close failed:", err)
	}
	return c.sess.Close()
}
