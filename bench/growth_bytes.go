package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"sync"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// bytesVariables is the number of variables among which the bytes are distributed.
const bytesVariables = 1000

// bytesProcesses are the processes that show how time and memory grow with the bytes of a
// checkpoint. The number of each is that of GiB.
var bytesProcesses = []growthProcess{
	{"write-bytes", []growthPhase{{"write", (*growthState).writeBytes}}},
	{"read-bytes", []growthPhase{
		{"open", (*growthState).open},
		{"read", (*growthState).readBytes},
	}},
	{"verify-bytes", []growthPhase{{"verify", (*growthState).verifyBytes}}},
}

// growthBytes prints the table for each of the given numbers of GiB. All values are zero, and
// the files have holes in their place, so that they need no room on the disk.
//
//	bin/bench -task growth-bytes 1 8 64
func growthBytes(ctx context.Context, args []string) error {
	var counts []int
	var curves [][]growthSample
	for _, arg := range args {
		count, err := strconv.Atoi(arg)
		if err != nil {
			return err
		}
		samples, err := growthSamples(ctx, bytesProcesses, count)
		if err != nil {
			return err
		}
		counts, curves = append(counts, count), append(curves, samples)
	}
	if len(counts) == 0 {
		return errors.New("growth-bytes: name numbers of GiB")
	}
	fmt.Print(growthTable(counts, curves))
	return nil
}

// elements returns the number of float32 in each variable.
func (s *growthState) elements() int64 { return int64(s.count) << 30 / 4 / bytesVariables }

func (s *growthState) writeBytes(ctx context.Context) (err error) {
	ctx = vfs.NewContext(ctx, holesFS{vfs.OS})
	w, err := checkpoint.Create(ctx, s.path(), &checkpoint.WriterOptions{NoSync: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	for i := range bytesVariables {
		t := checkpoint.Tensor{Name: fmt.Sprintf("v%06d", i), DType: dtype.Float32, Shape: []int64{s.elements()}}
		if err := w.AddFrom(ctx, t, io.LimitReader(zeros{}, 4*s.elements())); err != nil {
			return err
		}
	}
	return w.Commit(ctx)
}

func (s *growthState) readBytes(ctx context.Context) error {
	buffer := make([]byte, 4*s.elements())
	for t := range s.reader.Tensors() {
		if err := s.reader.ReadInto(ctx, t.Name, nil, buffer); err != nil {
			return err
		}
	}
	return nil
}

func (s *growthState) verifyBytes(ctx context.Context) error {
	report, err := checkpoint.Verify(ctx, s.path(), nil)
	if err == nil && !report.OK() {
		err = fmt.Errorf("%s is reported as faulty", s.path())
	}
	return err
}

// zeros reads zeros without an end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// holesFS leaves holes where zeros are written.
type holesFS struct{ vfs.FS }

func (h holesFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := h.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &holesFile{File: f}, nil
}

type holesFile struct {
	vfs.File
	mu   sync.Mutex
	size int64
}

func (f *holesFile) WriteAt(p []byte, off int64) (int, error) {
	for _, b := range p {
		if b != 0 {
			return f.File.WriteAt(p, off)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if end := off + int64(len(p)); end > f.size {
		f.size = end
		return len(p), f.File.Truncate(end)
	}
	return len(p), nil
}
