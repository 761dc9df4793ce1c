package saver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/sources"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/tf"
)

// restoreAdapted restores a checkpoint by the policy of ResumeOptions. Callers hold turn.
func (s *Saver) restoreAdapted(ctx context.Context, sess *tf.Session, path string, o *ResumeOptions) (*RestoreReport, error) {
	l := &load{path: path, files: s.fileOptions(), resume: o, objects: s.opts.Objects}
	l.opts.Partial, l.opts.Rename = o.Partial, o.Rename
	l.counters = map[string]bool{}
	for _, item := range s.g.Collection(tf.GlobalStep) {
		if v := item.Variable(); v != nil {
			l.counters[v.Name()] = true
		}
	}
	if v := s.namedStep(); v != nil {
		l.counters[v.Name()] = true
	}
	return s.runLoad(ctx, sess, l)
}

// initializeRest initializes the variables that were not restored.
func (s *Saver) initializeRest(ctx context.Context, sess *tf.Session, report *RestoreReport, o *ResumeOptions) error {
	if len(report.NotRestored) == 0 {
		return nil
	}
	byName := map[string]*tf.Variable{}
	for _, v := range slices.Concat(s.g.GlobalVariables(), s.g.LocalVariables()) {
		byName[v.Name()] = v
	}
	var vars []*tf.Variable
	var initializers []*tf.Operation
	for _, name := range report.NotRestored {
		v := byName[name]
		if v == nil {
			continue // a table or the like, which begins empty
		}
		vars = append(vars, v)
		if v.Initializer() == nil && o.Initialize == nil {
			return fault(tfkeep.ErrUninitialized, "the checkpoint %s does not have variable %s, which has no initializer; set ResumeOptions.Initialize", report.Path, name)
		}
		initializers = append(initializers, v.Initializer())
	}
	switch {
	case len(vars) == 0:
		return nil
	case o.Initialize != nil:
		return o.Initialize(ctx, sess, vars)
	}
	if err := sess.RunOps(ctx, initializers...); err != nil {
		return fmt.Errorf("initialize the variables that are not in the checkpoint: %w", err)
	}
	return nil
}

// adapts reports whether the load may make values.
func (l *load) adapts() bool { return l.resume != nil && (l.resume.Adapt != nil || l.resume.Partial) }

// adaptOne returns the value that ResumeOptions.Adapt makes of a checkpoint for a variable. For a
// global step Partial makes one, too.
func (l *load) adaptOne(ctx context.Context, want Wanted, from *checkpoint.Reader) (*checkpoint.Tensor, error) {
	if l.resume.Adapt != nil {
		value, err := l.resume.Adapt(ctx, want, from)
		if err != nil && !errors.Is(err, tfkeep.ErrCorrupt) {
			err = &callerError{err}
		}
		if value != nil || err != nil {
			return value, err
		}
	}
	if !l.resume.Partial || !l.counters[want.Variable] {
		return nil, nil
	}
	return l.countedStep(ctx, want, from)
}

// adapt makes values for the tensors that do not fit, and puts them before the values of the checkpoint.
func (l *load) adapt(ctx context.Context, fitting []savergraph.Restored) error {
	from, ok := l.source.(*checkpoint.Reader)
	if !ok {
		return fault(tfkeep.ErrUnsupported, "ResumeOptions.Adapt needs a checkpoint")
	}
	fits := map[string]bool{}
	for _, t := range fitting {
		fits[t.Key] = true
	}
	adapted := adaptedSource{Reader: from, tensors: map[string]*checkpoint.Tensor{}}
	asked := map[string]bool{}
	for _, t := range l.plan {
		want := Wanted{Key: l.key(t.Key), Variable: t.Variable, DType: t.DType}
		if fits[want.Key] || asked[want.Key] {
			continue
		}
		asked[want.Key] = true
		if t.Slice != "" {
			full, _, err := checkpoint.ParseSliceSpec(t.Slice)
			if err != nil {
				return err
			}
			want.Shape = full
		} else if t.HasShape {
			want.Shape = slices.Clone(t.Shape)
		}
		value, err := l.adaptOne(ctx, want, from)
		if err != nil {
			return fmt.Errorf("adapt variable %s: %w", want.Variable, err)
		}
		if value == nil {
			continue
		}
		if err := checkAdapted(&want, value); err != nil {
			return err
		}
		if l.absent[t.Key] { // the checkpoint may have another object's value under this key
			want.Key = "adapted value of " + t.Key
			l.keys[t.Key] = want.Key
			delete(l.absent, t.Key)
		}
		adapted.tensors[want.Key] = value
	}
	if len(adapted.tensors) > 0 {
		l.source = adapted
	}
	return nil
}

// checkAdapted refuses tensors whose data does not have the size of their shape. Types and
// shapes that the variable does not take are found with those of the checkpoint.
func checkAdapted(want *Wanted, t *checkpoint.Tensor) error {
	n, ok := dtype.NumElements(t.Shape)
	size := dtype.Size(t.DType)
	fixed := size > 0
	if have := len(t.Strings); !fixed && (!ok || int64(have) != n) {
		return fault(tfkeep.ErrArgument, "ResumeOptions.Adapt returned %d strings in the shape %s for variable %s", have, shapeText(t.Shape), want.Variable)
	}
	if fixed && (!ok || int64(len(t.Data)) != n*int64(size)) {
		return fault(tfkeep.ErrArgument, "ResumeOptions.Adapt returned %d bytes in the shape %s of %s for variable %s",
			len(t.Data), shapeText(t.Shape), dtype.CName(t.DType), want.Variable)
	}
	return nil
}

// adaptedSource is a checkpoint with values of ResumeOptions.Adapt in it.
type adaptedSource struct {
	*checkpoint.Reader
	tensors map[string]*checkpoint.Tensor
}

func (s adaptedSource) Tensors() iter.Seq[checkpoint.TensorInfo] {
	return func(yield func(checkpoint.TensorInfo) bool) {
		names := slices.Collect(maps.Keys(s.tensors))
		for t := range s.Reader.Tensors() {
			if s.tensors[t.Name] == nil {
				names = append(names, t.Name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			if info, ok := s.Lookup(name); ok && !yield(info) {
				return
			}
		}
	}
}

func (s adaptedSource) Lookup(name string) (checkpoint.TensorInfo, bool) {
	t := s.tensors[name]
	if t == nil {
		return s.Reader.Lookup(name)
	}
	info := checkpoint.TensorInfo{Name: name, DType: t.DType, Shape: t.Shape, Bytes: int64(len(t.Data))}
	for _, text := range t.Strings {
		info.Bytes += int64(len(text))
	}
	return info, true
}

func (s adaptedSource) OpenTensor(ctx context.Context, name string, part checkpoint.Slice) (io.ReadCloser, error) {
	t := s.tensors[name]
	if t == nil {
		return s.Reader.OpenTensor(ctx, name, part)
	}
	if err := sources.WholeOnly(name, part); err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(t.Data)), nil
}

func (s adaptedSource) ReadStrings(ctx context.Context, name string, part checkpoint.Slice) ([][]byte, error) {
	t := s.tensors[name]
	if t == nil {
		return s.Reader.ReadStrings(ctx, name, part)
	}
	if err := sources.WholeOnly(name, part); err != nil {
		return nil, err
	}
	return t.Strings, nil
}
