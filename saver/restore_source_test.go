package saver_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"iter"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/sources"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// memory is a source that is not a checkpoint: one tensor of float32.
type memory struct {
	name   string
	values []float32
}

func (m memory) info() checkpoint.TensorInfo {
	n := int64(len(m.values))
	return checkpoint.TensorInfo{Name: m.name, DType: dtype.Float32, Shape: []int64{n}, Bytes: 4 * n}
}

func (m memory) Tensors() iter.Seq[checkpoint.TensorInfo] {
	return slices.Values([]checkpoint.TensorInfo{m.info()})
}

func (m memory) Lookup(name string) (checkpoint.TensorInfo, bool) { return m.info(), name == m.name }

func (m memory) OpenTensor(_ context.Context, name string, part checkpoint.Slice) (io.ReadCloser, error) {
	if err := sources.WholeOnly(name, part); err != nil {
		return nil, err
	}
	var data bytes.Buffer
	err := binary.Write(&data, binary.LittleEndian, m.values)
	return io.NopCloser(&data), err
}

func (m memory) ReadStrings(_ context.Context, name string, _ checkpoint.Slice) ([][]byte, error) {
	return nil, sources.NoStrings(name)
}

func TestRestoreFromSource(t *testing.T) {
	eachDriver(t, func(t *testing.T, d saver.Driver) {
		g := tf.NewGraph()
		v := variable(t, g, "v", []float32{7, 7})
		s := newSaver(t, g, &saver.Options{Driver: d})
		sess := initialized(t, g)
		for _, mapped := range []bool{false, true} {
			assign(t, sess, v, []float32{7, 7})
			report, err := s.Restore(ctx, sess, "m.memory", &saver.RestoreOptions{Source: memory{"v", []float32{1, 2}}, Mapped: mapped})
			require.NoError(t, err)
			assert.Equal(t, []string{"v"}, report.Restored)
			assert.Equal(t, []float32{1, 2}, tfgraph.Value(t, sess, v.Value()))
		}

		_, err := s.Restore(ctx, sess, "m.memory", &saver.RestoreOptions{Source: memory{"v", []float32{1, 2, 3}}})
		require.ErrorIs(t, err, tfkeep.ErrMismatch)
		_, err = s.Restore(ctx, sess, "m.memory", &saver.RestoreOptions{Source: memory{"w", []float32{1, 2}}})
		require.ErrorIs(t, err, tfkeep.ErrNotFound)
		assert.Equal(t, []float32{1, 2}, tfgraph.Value(t, sess, v.Value()), "nothing was assigned")
	})
}

// stuck is a source that does not look at the context.
type stuck struct {
	memory
	calls   atomic.Int32
	entered chan struct{}
	release chan struct{}
}

func (s *stuck) OpenTensor(ctx context.Context, name string, part checkpoint.Slice) (io.ReadCloser, error) {
	s.calls.Add(1)
	close(s.entered)
	<-s.release
	r, err := s.memory.OpenTensor(ctx, name, part)
	return struct {
		io.Reader
		io.Closer
	}{readerFunc(func(p []byte) (int, error) { s.calls.Add(1); return r.Read(p) }), r}, err
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestRestoreFromStuckSourceEnds(t *testing.T) {
	eachDriver(t, func(t *testing.T, d saver.Driver) {
		g := tf.NewGraph()
		variable(t, g, "v", []float32{7, 7})
		s := newSaver(t, g, &saver.Options{Driver: d})
		sess := initialized(t, g)
		src := &stuck{memory: memory{"v", []float32{1, 2}}, entered: make(chan struct{}), release: make(chan struct{})}
		ctx, cancel := context.WithCancel(ctx)
		go func() {
			<-src.entered
			cancel()
		}()
		_, err := s.Restore(ctx, sess, "m.memory", &saver.RestoreOptions{Source: src})
		require.ErrorIs(t, err, context.Canceled)
		close(src.release)
		_ = s.Close()
		require.NoError(t, sess.Close())
		assert.EqualValues(t, 1, src.calls.Load(), "the source is used after Restore has returned")
	})
}
