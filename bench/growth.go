package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/verify"
)

// growthElements is the number of float32 in each variable of the growth curve.
const growthElements = 16

// growthOutput is the node that the growth curve freezes. It needs every variable.
const growthOutput = "total"

// A growthPhase is one operation of the growth curve. Phases of one process share a
// growthState.
type growthPhase struct {
	name string
	run  func(s *growthState, ctx context.Context) error
}

type growthProcess struct {
	name   string
	phases []growthPhase
}

// growthProcesses are the processes of the growth curve. A new process begins where a user
// would begin one, because TensorFlow does not return memory to the system.
var growthProcesses = []growthProcess{
	{"train", []growthPhase{
		{"build", (*growthState).build},
		{"saver.New", (*growthState).newSaver},
		{"init run", (*growthState).initialize},
		{"first save", (*growthState).save},
		{"second save", (*growthState).save},
	}},
	{"resume", []growthPhase{
		{"import", (*growthState).importMeta},
		{"first restore", (*growthState).restore},
		{"first step", (*growthState).step},
		{"second restore", (*growthState).restore},
	}},
	{"open", []growthPhase{
		{"open", (*growthState).open},
		{"list", (*growthState).list},
	}},
	{"verify", []growthPhase{{"verify", (*growthState).verify}}},
	{"freeze", []growthPhase{{"freeze", (*growthState).freeze}}},
}

// growthState is what the phases of one process hand on.
type growthState struct {
	dir     string
	count   int
	graph   *tf.Graph
	sv      *saver.Saver
	sess    *tf.Session
	options tf.SessionOptions
	reader  *checkpoint.Reader
}

// growthSample is what a process prints about one phase.
type growthSample struct {
	Phase   string
	Seconds float64 // of wall time
	CPU     float64 // seconds of CPU time of all threads
	Peak    int64   // bytes of peak memory of the process so far
}

// growthRow runs the phases of one process. Its arguments are the name of the process, the
// folder, the number of variables, and "grappler" to leave Grappler on.
func growthRow(ctx context.Context, args []string) (err error) {
	count, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	s := &growthState{dir: args[1], count: count, options: tf.SessionOptions{DisableGrappler: len(args) < 4}}
	defer func() { err = errors.Join(err, s.close()) }()
	out := json.NewEncoder(os.Stdout)
	for _, process := range slices.Concat(growthProcesses, bytesProcesses) {
		if process.name != args[0] {
			continue
		}
		for _, p := range process.phases {
			start, used := time.Now(), ownCPU()
			if err := p.run(s, ctx); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			sample := growthSample{p.name, time.Since(start).Seconds(), ownCPU() - used, peakMemory(os.Getpid())}
			if err := out.Encode(sample); err != nil {
				return err
			}
		}
	}
	return nil
}

// ownCPU returns the seconds of CPU time that this process has used.
func ownCPU() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

func (s *growthState) close() error {
	var errs []error
	if s.sv != nil {
		errs = append(errs, s.sv.Close())
	}
	if s.sess != nil {
		errs = append(errs, s.sess.Close())
	}
	if s.reader != nil {
		errs = append(errs, s.reader.Close())
	}
	return errors.Join(errs...)
}

func (s *growthState) path() string { return filepath.Join(s.dir, "m") }

func (s *growthState) build(context.Context) error {
	s.graph = tf.NewGraph()
	values := make([]tf.Output, s.count)
	for i := range s.count {
		v, err := tf.NewVariable(s.graph, fmt.Sprintf("v%06d", i), tf.Uniform(0, 1, growthElements).WithSeed(int64(i+1)), nil)
		if err != nil {
			return err
		}
		values[i] = v.Value()
		if i == 0 {
			step, err := v.AssignAdd(v.Value())
			if err != nil {
				return err
			}
			s.graph.AddToCollection("train_op", step)
		}
	}
	_, err := s.graph.AddOp(tf.OpSpec{Type: "AddN", Name: growthOutput, Input: []tf.Input{tf.OutputList(values)}})
	return err
}

func (s *growthState) newSaver(context.Context) (err error) {
	s.sv, err = saver.New(s.graph, nil)
	return err
}

func (s *growthState) initialize(ctx context.Context) error {
	initialize, err := tf.GlobalVariablesInitializer(s.graph)
	if err != nil {
		return err
	}
	if s.sess, err = tf.NewSession(s.graph, &s.options); err != nil {
		return err
	}
	return s.sess.RunOps(ctx, initialize)
}

func (s *growthState) save(ctx context.Context) error {
	_, err := s.sv.Save(ctx, s.sess, s.path(), nil)
	return err
}

func (s *growthState) importMeta(ctx context.Context) (err error) {
	s.graph = tf.NewGraph()
	s.sv, err = saver.ImportMetaGraph(ctx, s.graph, s.path()+".meta", nil)
	return err
}

func (s *growthState) restore(ctx context.Context) (err error) {
	if s.sess == nil {
		if s.sess, err = tf.NewSession(s.graph, &s.options); err != nil {
			return err
		}
	}
	_, err = s.sv.Restore(ctx, s.sess, s.path(), nil)
	return err
}

func (s *growthState) step(ctx context.Context) error {
	return s.sess.RunOps(ctx, s.graph.Collection("train_op")[0].Op())
}

func (s *growthState) open(ctx context.Context) (err error) {
	s.reader, err = dir.Open(ctx, s.path(), nil)
	return err
}

func (s *growthState) list(context.Context) error {
	n := 0
	for range s.reader.Tensors() {
		n++
	}
	if n != s.count {
		return fmt.Errorf("the checkpoint has %d tensors, not %d", n, s.count)
	}
	return nil
}

func (s *growthState) verify(ctx context.Context) error {
	for report, err := range verify.Path(ctx, s.path(), nil) {
		if err != nil {
			return err
		}
		if !report.OK() {
			return fmt.Errorf("%s is reported as faulty: %v", report.Path, report.Faults)
		}
	}
	return nil
}

func (s *growthState) freeze(ctx context.Context) (err error) {
	plan, err := freeze.FromCheckpoint(ctx, s.path(), &freeze.Options{Outputs: []string{growthOutput}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plan.Close()) }()
	return plan.WriteFile(ctx, filepath.Join(s.dir, "frozen.pb"), nil)
}
