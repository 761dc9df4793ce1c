package safetensors

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"sort"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
)

// MaxHeaderSize is the largest header, in bytes, that readers of the format
// accept.
const MaxHeaderSize = 100_000_000

// maxRank bounds the number of dimensions to what TensorFlow can hold.
const maxRank = 254

// TensorInfo describes one tensor of a file.
type TensorInfo struct {
	Name  string
	DType dtype.DataType
	Shape []int64
	// Offset is where the tensor begins, in bytes from the end of the header.
	Offset int64
	// Bytes is the tensor's size.
	Bytes int64
}

// Reader reads the tensors of one file. Its methods may be called from many
// goroutines.
type Reader struct {
	r        io.ReaderAt
	base     int64 // where the data begins in r
	tensors  []TensorInfo
	byName   map[string]int
	metadata map[string]string
	closer   io.Closer
}

// Open opens the file at path. Close it when done.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	if st.IsDir() {
		f.Close()
		return nil, fmt.Errorf("safetensors: %s is a directory, not a file", path)
	}
	r, err := NewReader(f, st.Size())
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%w (%s)", err, path)
	}
	r.closer = f
	return r, nil
}

// NewReader reads the header of the file in r, which has size bytes, and
// checks it against every rule of the format. A broken rule is [ErrCorrupt].
func NewReader(r io.ReaderAt, size int64) (*Reader, error) {
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return nil, corrupt("the file has %d bytes, too few for the header's length", size)
	}
	if err := readAt(r, prefix[:], 0); err != nil {
		return nil, fmt.Errorf("safetensors: reading the header's length: %w", err)
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > MaxHeaderSize {
		return nil, corrupt("the header claims %d bytes, more than the %d allowed", n, MaxHeaderSize)
	}
	if int64(n) > size-int64(len(prefix)) {
		return nil, corrupt("the header claims %d bytes, the file has %d after its length", n, size-int64(len(prefix)))
	}
	header := make([]byte, n)
	if err := readAt(r, header, int64(len(prefix))); err != nil {
		return nil, fmt.Errorf("safetensors: reading the header: %w", err)
	}
	tensors, metadata, err := parseHeader(header)
	if err != nil {
		return nil, err
	}
	base := int64(len(prefix)) + int64(n)
	if err := checkLayout(tensors, size-base); err != nil {
		return nil, err
	}
	sort.Slice(tensors, func(i, j int) bool { return tensors[i].Name < tensors[j].Name })
	byName := make(map[string]int, len(tensors))
	for i, t := range tensors {
		byName[t.Name] = i
	}
	return &Reader{r: r, base: base, tensors: tensors, byName: byName, metadata: metadata}, nil
}

// checkLayout checks that every tensor's bytes fit its type and shape, and
// that all of them together cover the data exactly once.
func checkLayout(tensors []TensorInfo, dataSize int64) error {
	inOrder := make([]*TensorInfo, len(tensors))
	for i := range tensors {
		t := &tensors[i]
		inOrder[i] = t
		want, ok := byteSize(t.DType, t.Shape)
		if !ok {
			return corrupt("tensor %q: shape %v has more bytes than can be counted", t.Name, t.Shape)
		}
		if t.Bytes != want {
			return corrupt("tensor %q: data_offsets give %d bytes, %s%v needs %d",
				t.Name, t.Bytes, dtype.Name(t.DType), t.Shape, want)
		}
	}
	sort.Slice(inOrder, func(i, j int) bool {
		a, b := inOrder[i], inOrder[j]
		if a.Offset != b.Offset {
			return a.Offset < b.Offset
		}
		return a.Bytes < b.Bytes // empty tensors share the offset of what follows
	})
	var end int64
	for _, t := range inOrder {
		switch {
		case t.Offset < end:
			return corrupt("tensor %q begins at %d, inside the one before it, which ends at %d", t.Name, t.Offset, end)
		case t.Offset > end:
			return corrupt("bytes %d to %d, before tensor %q, belong to no tensor", end, t.Offset, t.Name)
		}
		if t.Bytes > dataSize-t.Offset {
			return corrupt("tensor %q ends at %d, the file has %d bytes of data", t.Name, t.Offset+t.Bytes, dataSize)
		}
		end += t.Bytes
	}
	if end != dataSize {
		return corrupt("%d bytes after the last tensor belong to no tensor", dataSize-end)
	}
	return nil
}

// byteSize multiplies a shape out; false means that an int64 cannot hold it.
func byteSize(dt dtype.DataType, shape []int64) (int64, bool) {
	n, ok := checkpoint.NumElements(shape)
	size := int64(dtype.Size(dt))
	if !ok || n > math.MaxInt64/size {
		return 0, false
	}
	return n * size, true
}

// Tensors lists the file's tensors by name. The caller must not change it.
func (r *Reader) Tensors() []TensorInfo { return r.tensors }

// Metadata is the header's "__metadata__", nil when there is none.
func (r *Reader) Metadata() map[string]string { return r.metadata }

// Lookup finds a tensor by name.
func (r *Reader) Lookup(name string) (TensorInfo, bool) {
	i, ok := r.byName[name]
	if !ok {
		return TensorInfo{}, false
	}
	return r.tensors[i], true
}

// OpenTensor streams a tensor's bytes, little-endian. Streams of one Reader may
// be read side by side.
func (r *Reader) OpenTensor(name string) (io.Reader, error) {
	t, ok := r.Lookup(name)
	if !ok {
		return nil, fmt.Errorf("safetensors: no tensor %q in the file: %w", name, ErrNotFound)
	}
	return &tensorReader{t: t, in: io.NewSectionReader(r.r, r.base+t.Offset, t.Bytes)}, nil
}

// tensorReader checks on the way what the header cannot promise.
type tensorReader struct {
	t   TensorInfo
	in  *io.SectionReader
	pos int64
}

func (s *tensorReader) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	if s.t.DType == dtype.Bool {
		for i, b := range p[:n] {
			if b > 1 {
				return i, corrupt("tensor %q: element %d is %d, not a bool", s.t.Name, s.pos+int64(i), b)
			}
		}
	}
	s.pos += int64(n)
	switch {
	case err == io.EOF && s.pos < s.t.Bytes:
		err = io.ErrUnexpectedEOF // the file shrank
		fallthrough
	case err != nil && err != io.EOF:
		err = fmt.Errorf("safetensors: reading tensor %q: %w", s.t.Name, err)
	}
	return n, err
}

// ReadInto reads a tensor's bytes, little-endian, into dst, which must have
// exactly the tensor's size.
func (r *Reader) ReadInto(name string, dst []byte) error {
	in, err := r.OpenTensor(name)
	if err != nil {
		return err
	}
	if t, _ := r.Lookup(name); int64(len(dst)) != t.Bytes {
		return fmt.Errorf("safetensors: tensor %q has %d bytes, the memory given %d: %w", name, t.Bytes, len(dst), ErrMismatch)
	}
	_, err = io.ReadFull(in, dst)
	return err
}

// Close closes the file that [Open] opened.
func (r *Reader) Close() error {
	if r.closer == nil {
		return nil
	}
	return r.closer.Close()
}

// readAt fills dst. ReadAt itself may report the end of the file even when it
// filled everything.
func readAt(r io.ReaderAt, dst []byte, offset int64) error {
	_, err := io.ReadFull(io.NewSectionReader(r, offset, int64(len(dst))), dst)
	return err
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("safetensors: %w: "+format, append([]any{ErrCorrupt}, args...)...)
}
