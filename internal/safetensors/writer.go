package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/tfkeep/tfkeep/dtype"
)

// Writer writes one file to a stream. The header comes first in the format,
// so all tensors are told to [NewWriter] and their bytes follow in the order
// that [Writer.Order] gives: wide types first, so that each stays aligned.
type Writer struct {
	w     io.Writer
	order []TensorInfo
	next  int   // index in order of the tensor being written
	left  int64 // bytes that it still lacks
	err   error
}

// NewWriter writes the header for the given tensors, whose Offset and Bytes
// it works out itself, with optional metadata. A type without a counterpart,
// or a name that is not UTF-8, is [ErrUnsupported].
func NewWriter(w io.Writer, tensors []TensorInfo, metadata map[string]string) (*Writer, error) {
	order := make([]TensorInfo, len(tensors))
	copy(order, tensors)
	sort.SliceStable(order, func(i, j int) bool {
		a, b := dtype.Size(order[i].DType), dtype.Size(order[j].DType)
		if a != b {
			return a > b
		}
		return order[i].Name < order[j].Name
	})
	header, err := formatHeader(order, metadata)
	if err != nil {
		return nil, err
	}
	var prefix [8]byte
	binary.LittleEndian.PutUint64(prefix[:], uint64(len(header)))
	if _, err := w.Write(prefix[:]); err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	if _, err := io.WriteString(w, header); err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	out := &Writer{w: w, order: order}
	if len(order) > 0 {
		out.left = order[0].Bytes
	}
	return out, nil
}

// formatHeader lays the tensors out in order and returns the padded header.
func formatHeader(order []TensorInfo, metadata map[string]string) (string, error) {
	var b strings.Builder
	b.WriteByte('{')
	if len(metadata) > 0 {
		m, err := json.Marshal(metadata) // sorts the keys
		if err != nil {
			return "", fmt.Errorf("safetensors: metadata: %w", err)
		}
		fmt.Fprintf(&b, "%q:%s", metadataKey, m)
	}
	var end int64
	seen := make(map[string]bool, len(order))
	for i := range order {
		t := &order[i]
		dtype, err := DTypeName(t.DType)
		if err != nil {
			return "", fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		bytes, ok := byteSize(t.DType, t.Shape)
		switch {
		case !ok:
			return "", fmt.Errorf("safetensors: tensor %q: shape %v cannot be laid out: %w", t.Name, t.Shape, ErrUnsupported)
		case CheckName(t.Name) != nil:
			return "", CheckName(t.Name)
		case seen[t.Name]:
			return "", fmt.Errorf("safetensors: tensor %q given twice: %w", t.Name, ErrMismatch)
		}
		seen[t.Name] = true
		t.Offset, t.Bytes = end, bytes
		end += bytes
		if end < 0 {
			return "", fmt.Errorf("safetensors: all tensors together have more bytes than can be counted: %w", ErrUnsupported)
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(t.Name)
		if err != nil {
			return "", fmt.Errorf("safetensors: %w", err)
		}
		shape := strings.ReplaceAll(strings.Trim(fmt.Sprint(t.Shape), "[]"), " ", ",")
		fmt.Fprintf(&b, `%s:{"dtype":%q,"shape":[%s],"data_offsets":[%d,%d]}`, name, dtype, shape, t.Offset, end)
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	if b.Len() > MaxHeaderSize {
		return "", fmt.Errorf("safetensors: %d tensors need a header of %d bytes, more than the %d that readers accept: %w",
			len(order), b.Len(), MaxHeaderSize, ErrUnsupported)
	}
	return b.String(), nil
}

// Order lists the tensors in the order in which their bytes are expected.
func (w *Writer) Order() []TensorInfo { return w.order }

// Write takes the next bytes of the data, little-endian, tensor after tensor.
// The pieces may be of any size.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if int64(len(p)) > w.remaining(int64(len(p))) {
		w.err = fmt.Errorf("safetensors: more bytes than the tensors have: %w", ErrMismatch)
		return 0, w.err
	}
	n, err := w.w.Write(p)
	w.advance(int64(n))
	if err != nil {
		w.err = fmt.Errorf("safetensors: %w", err)
	}
	return n, w.err
}

// remaining counts the bytes still to come, up to enough.
func (w *Writer) remaining(enough int64) int64 {
	sum := w.left
	for i := w.next + 1; i < len(w.order) && sum < enough; i++ {
		sum += w.order[i].Bytes
	}
	return sum
}

func (w *Writer) advance(n int64) {
	for w.next < len(w.order) && n >= w.left {
		n -= w.left
		w.next++
		w.left = 0
		if w.next < len(w.order) {
			w.left = w.order[w.next].Bytes
		}
	}
	w.left -= n
}

// Close checks that every tensor came whole. It does not close the stream.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	if w.next < len(w.order) && w.remaining(1) > 0 {
		return fmt.Errorf("safetensors: tensor %q lacks %d bytes: %w", w.order[w.next].Name, w.left, ErrMismatch)
	}
	return nil
}

// CheckName tells whether a file can have a tensor of this name: one that is not
// UTF-8 is [ErrUnsupported], as is "__metadata__", which the format keeps for
// itself.
func CheckName(name string) error {
	if !utf8.ValidString(name) || name == metadataKey {
		return fmt.Errorf("safetensors: %q cannot be a tensor's name: %w", name, ErrUnsupported)
	}
	return nil
}
