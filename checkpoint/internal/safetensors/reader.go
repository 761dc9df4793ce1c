package safetensors

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/sources"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// maxHeaderSize is the size in bytes of the largest header that readers of the
// format accept.
const maxHeaderSize = 100_000_000

// maxRank is the largest number of dimensions that TensorFlow supports.
const maxRank = 254

// Reader reads the tensors of one file. It is a checkpoint.Source: its methods may be
// called from many goroutines at once.
type Reader struct {
	path     string
	r        io.ReaderAt
	base     int64 // where the data begins in r
	tensors  []checkpoint.TensorInfo
	byName   map[string]int
	metadata map[string]string
	closer   io.Closer
}

var _ checkpoint.Source = (*Reader)(nil)

// Open opens the file at path. The caller closes it.
func Open(path string) (*Reader, error) {
	f, err := vfs.OS.Open(path)
	if err != nil {
		return nil, vfs.Error("open", path, err)
	}
	st, err := f.Stat()
	var r *Reader
	if err == nil {
		r, err = NewReader(f, st.Size())
	}
	if err != nil {
		f.Close()
		return nil, inFile(path, err)
	}
	r.path, r.closer = path, f
	return r, nil
}

// inFile adds the path to an error.
func inFile(path string, err error) error {
	var e *tfkeep.Error
	if errors.As(err, &e) {
		e.Path = path
		return err
	}
	return vfs.Error("open", path, err)
}

// NewReader reads the header of the file in r, which has size bytes, and checks it
// against every rule of the format. If it breaks a rule, the error is a
// tfkeep.ErrCorrupt.
func NewReader(r io.ReaderAt, size int64) (*Reader, error) {
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return nil, corrupt("", "the file has %d bytes, too few for the header's length", size)
	}
	if err := readAt(r, prefix[:], 0); err != nil {
		return nil, &tfkeep.Error{Op: "read", Cause: err}
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > maxHeaderSize {
		return nil, corrupt("", "the header claims %d bytes, more than the %d allowed", n, maxHeaderSize)
	}
	if int64(n) > size-int64(len(prefix)) {
		return nil, corrupt("", "the header claims %d bytes, the file has %d after its length", n, size-int64(len(prefix)))
	}
	header := make([]byte, n)
	if err := readAt(r, header, int64(len(prefix))); err != nil {
		return nil, &tfkeep.Error{Op: "read", Cause: err}
	}
	tensors, metadata, err := parseHeader(header)
	if err != nil {
		return nil, err
	}
	base := int64(len(prefix)) + int64(n)
	if err := checkLayout(tensors, size-base); err != nil {
		return nil, err
	}
	slices.SortFunc(tensors, func(a, b checkpoint.TensorInfo) int { return cmp.Compare(a.Name, b.Name) })
	byName := make(map[string]int, len(tensors))
	for i, t := range tensors {
		byName[t.Name] = i
	}
	return &Reader{r: r, base: base, tensors: tensors, byName: byName, metadata: metadata}, nil
}

// checkLayout checks that each tensor has the bytes that its type and shape need, and
// that the tensors cover the data exactly once.
func checkLayout(tensors []checkpoint.TensorInfo, dataSize int64) error {
	inOrder := make([]*checkpoint.TensorInfo, len(tensors))
	for i := range tensors {
		t := &tensors[i]
		inOrder[i] = t
		want, ok := byteSize(t.DType, t.Shape)
		if !ok {
			return corrupt(t.Name, "shape %v has more bytes than can be counted", t.Shape)
		}
		if t.Bytes != want {
			return corrupt(t.Name, "data_offsets leave %d bytes, %s%v needs %d",
				t.Bytes, dtype.Name(t.DType), t.Shape, want)
		}
	}
	slices.SortFunc(inOrder, func(a, b *checkpoint.TensorInfo) int {
		// Empty tensors share the offset of what follows.
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Bytes, b.Bytes))
	})
	var end int64
	for _, t := range inOrder {
		switch {
		case t.Offset < end:
			return corrupt(t.Name, "offset %d: it begins inside the tensor before it, which ends at %d", t.Offset, end)
		case t.Offset > end:
			return corrupt(t.Name, "bytes %d to %d before it belong to no tensor", end, t.Offset)
		}
		if t.Bytes > dataSize-t.Offset {
			return corrupt(t.Name, "it ends at offset %d, the file has %d bytes of data", t.Offset+t.Bytes, dataSize)
		}
		end += t.Bytes
	}
	if end != dataSize {
		return corrupt("", "%d bytes after the last tensor belong to no tensor", dataSize-end)
	}
	return nil
}

// byteSize returns the size of a tensor, or false if an int64 cannot hold it.
func byteSize(dt dtype.DataType, shape []int64) (int64, bool) {
	n, ok := dtype.NumElements(shape)
	size := int64(dtype.Size(dt))
	if !ok || n > math.MaxInt64/size {
		return 0, false
	}
	return n * size, true
}

// Tensors returns the tensors of the file, sorted by name.
func (r *Reader) Tensors() iter.Seq[checkpoint.TensorInfo] { return slices.Values(r.tensors) }

// Metadata returns the header's "__metadata__", or nil if it has none.
func (r *Reader) Metadata() map[string]string { return r.metadata }

// Lookup finds a tensor by name.
func (r *Reader) Lookup(name string) (checkpoint.TensorInfo, bool) {
	i, ok := r.byName[name]
	if !ok {
		return checkpoint.TensorInfo{}, false
	}
	return r.tensors[i], true
}

// ReadStrings fails: the format has no strings.
func (r *Reader) ReadStrings(_ context.Context, name string, _ checkpoint.Slice) ([][]byte, error) {
	return nil, sources.NoStrings(name)
}

// OpenTensor streams a tensor's bytes, little-endian. The part must be nil.
func (r *Reader) OpenTensor(ctx context.Context, name string, part checkpoint.Slice) (io.ReadCloser, error) {
	if err := sources.WholeOnly(name, part); err != nil {
		return nil, err
	}
	t, ok := r.Lookup(name)
	if !ok {
		return nil, &tfkeep.Error{Op: "read", Path: r.path, Item: "tensor", Name: name, Err: tfkeep.ErrNotFound}
	}
	return &tensorReader{ctx: ctx, path: r.path, t: t, in: io.NewSectionReader(r.r, r.base+t.Offset, t.Bytes)}, nil
}

// tensorReader checks what the header cannot guarantee.
type tensorReader struct {
	ctx  context.Context
	path string
	t    checkpoint.TensorInfo
	in   *io.SectionReader
	pos  int64
}

func (s *tensorReader) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.in.Read(p)
	if s.t.DType == dtype.Bool {
		for i, b := range p[:n] {
			if b > 1 {
				return i, inFile(s.path, corrupt(s.t.Name, "element %d is %d, not a bool", s.pos+int64(i), b))
			}
		}
	}
	s.pos += int64(n)
	if err == io.EOF && s.pos < s.t.Bytes {
		err = io.ErrUnexpectedEOF // the file shrank
	}
	if err != nil && err != io.EOF {
		err = &tfkeep.Error{Op: "read", Path: s.path, Item: "tensor", Name: s.t.Name, Cause: err}
	}
	return n, err
}

func (s *tensorReader) Close() error { return nil }

// Close closes the file that [Open] opened.
func (r *Reader) Close() error {
	if r.closer == nil {
		return nil
	}
	return r.closer.Close()
}

// readAt fills dst. Unlike ReadAt, it returns no error if the file ends with dst.
func readAt(r io.ReaderAt, dst []byte, offset int64) error {
	_, err := io.ReadFull(io.NewSectionReader(r, offset, int64(len(dst))), dst)
	return err
}

func corrupt(tensor, format string, args ...any) error {
	return &tfkeep.Error{Op: "read", Item: "tensor", Name: tensor, Err: tfkeep.ErrCorrupt, Detail: fmt.Sprintf(format, args...)}
}
