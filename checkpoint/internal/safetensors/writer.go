package safetensors

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
)

// Writer writes one file to a stream. The header is first in the format, so
// [NewWriter] takes the descriptions of all tensors. Their bytes follow in the order
// of [Writer.Order], wide types first, so that each tensor is aligned.
type Writer struct {
	w     io.Writer
	order []checkpoint.TensorInfo
	next  int   // index in order of the tensor being written
	left  int64 // bytes that it still lacks
	err   error
}

// NewWriter writes the header for the given tensors, of which it uses Name, DType and
// Shape, with optional metadata. It returns the error of [Check] for a tensor that a
// file cannot hold.
func NewWriter(w io.Writer, tensors []checkpoint.TensorInfo, metadata map[string]string) (*Writer, error) {
	order := slices.Clone(tensors)
	slices.SortStableFunc(order, func(a, b checkpoint.TensorInfo) int {
		return cmp.Or(-cmp.Compare(dtype.Size(a.DType), dtype.Size(b.DType)), cmp.Compare(a.Name, b.Name))
	})
	header, err := formatHeader(order, metadata)
	if err != nil {
		return nil, err
	}
	var prefix [8]byte
	binary.LittleEndian.PutUint64(prefix[:], uint64(len(header)))
	if _, err := w.Write(prefix[:]); err != nil {
		return nil, writeError(err)
	}
	if _, err := io.WriteString(w, header); err != nil {
		return nil, writeError(err)
	}
	out := &Writer{w: w, order: order}
	if len(order) > 0 {
		out.left = order[0].Bytes
	}
	return out, nil
}

// formatHeader sets the tensors' Offset and Bytes and returns the padded header.
func formatHeader(order []checkpoint.TensorInfo, metadata map[string]string) (string, error) {
	var b strings.Builder
	b.WriteByte('{')
	if len(metadata) > 0 {
		m, err := json.Marshal(metadata) // sorts the keys
		if err != nil {
			return "", writeError(err)
		}
		fmt.Fprintf(&b, "%q:%s", metadataKey, m)
	}
	var end int64
	seen := make(map[string]bool, len(order))
	for i := range order {
		t := &order[i]
		if err := Check(t); err != nil {
			return "", err
		}
		bytes, ok := byteSize(t.DType, t.Shape)
		switch {
		case !ok:
			return "", tensorError(t.Name, tfkeep.ErrUnsupported, fmt.Sprintf("shape %v has more bytes than can be counted", t.Shape))
		case seen[t.Name]:
			return "", tensorError(t.Name, tfkeep.ErrArgument, "it is given twice")
		}
		seen[t.Name] = true
		t.Offset, t.Bytes = end, bytes
		end += bytes
		if end < 0 {
			return "", unsupported("all tensors together have more bytes than can be counted")
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		typ, _ := typeName(t.DType) // checked
		name, err := json.Marshal(t.Name)
		if err != nil {
			return "", writeError(err)
		}
		shape := strings.ReplaceAll(strings.Trim(fmt.Sprint(t.Shape), "[]"), " ", ",")
		fmt.Fprintf(&b, `%s:{"dtype":%q,"shape":[%s],"data_offsets":[%d,%d]}`, name, typ, shape, t.Offset, end)
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	if b.Len() > maxHeaderSize {
		return "", unsupported("%d tensors need a header of %d bytes, more than the %d that readers accept", len(order), b.Len(), maxHeaderSize)
	}
	return b.String(), nil
}

// Order returns the tensors in the order in which Write takes their bytes.
func (w *Writer) Order() []checkpoint.TensorInfo { return w.order }

// Write takes the next bytes of the data, little-endian, tensor after tensor, in
// pieces of any size.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if int64(len(p)) > w.remaining(int64(len(p))) {
		w.err = &tfkeep.Error{Op: "write", Err: tfkeep.ErrMismatch, Detail: "more bytes than the tensors have"}
		return 0, w.err
	}
	n, err := w.w.Write(p)
	w.advance(int64(n))
	if err != nil {
		w.err = writeError(err)
	}
	return n, w.err
}

// remaining returns the number of bytes still to come, or enough if there are more.
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

// Close checks that every tensor is complete. It does not close the stream.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	if w.next < len(w.order) && w.remaining(1) > 0 {
		return tensorError(w.order[w.next].Name, tfkeep.ErrMismatch, fmt.Sprintf("%d bytes are missing", w.left))
	}
	return nil
}

func writeError(err error) error { return &tfkeep.Error{Op: "write", Cause: err} }

func tensorError(name string, kind error, detail string) error {
	return &tfkeep.Error{Op: "write", Item: "tensor", Name: name, Err: kind, Detail: detail}
}
