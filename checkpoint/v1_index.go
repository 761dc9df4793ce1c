package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/internal/wire"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/table"
)

// v1Files reads the tables of a V1 checkpoint, one or several.
type v1Files struct {
	opts   ReaderOptions
	tables []*v1Table
}

// v1Table is one of the tables. It has a table of contents under the empty key, and the
// values of each slice under the key of the slice.
type v1Table struct {
	in    *input
	table *table.Reader

	// A small block has many tensors, which are often read one after the other. So the
	// last one stays decoded.
	mu     sync.Mutex
	block  int
	values map[string][]byte
}

// openV1 opens the files of a V1 checkpoint.
func openV1(ctx context.Context, files foundFiles, o *ReaderOptions) (*Reader, error) {
	v := &v1Files{opts: *o}
	tensors, err := v.openFiles(files.fs, files.v1)
	if err != nil {
		_ = v.close()
		return nil, err
	}
	size := int64(0)
	for _, t := range v.tables {
		size += t.in.size
	}
	if size <= maxReadAhead && !o.SkipChecksums && !o.Strict {
		if err := v.verify(ctx, tensors); err != nil {
			_ = v.close()
			return nil, err
		}
	}
	return newReader(ctx, files.fs, files.name, V1, tensors, v, o)
}

// maxReadAhead is the largest size of a V1 checkpoint that is read whole when it is
// opened, to check every block, and that every record is listed. In a larger one each
// block is checked when it is read.
const maxReadAhead = 64 << 20

func (v *v1Files) openFiles(fsys fs.FS, files []string) ([]TensorInfo, error) {
	contents := map[string]*TensorInfo{}
	for shard, name := range files {
		in, err := openInput(fsys, name)
		if err != nil {
			return nil, err
		}
		t := &v1Table{in: in, block: -1}
		v.tables = append(v.tables, t)
		limit := v.opts.memoryLimit(in)
		if t.table, err = table.NewReader(in, in.size, v.opts.tableOptions(limit)); err != nil {
			return nil, in.notATable("open", err)
		}
		if err := v.readContents(shard, limit, contents); err != nil {
			return nil, tableError("open", in.path, err)
		}
	}
	tensors := make([]TensorInfo, 0, len(contents))
	for _, t := range contents {
		if err := finishV1(t, v.opts.Strict); err != nil {
			return nil, &tfkeep.Error{Op: "open", Path: v.tables[t.Shard].in.path, Item: "tensor", Name: t.Name, Err: tfkeep.ErrCorrupt, Detail: err.Error()}
		}
		tensors = append(tensors, *t)
	}
	slices.SortFunc(tensors, func(a, b TensorInfo) int { return strings.Compare(a.Name, b.Name) })
	return tensors, nil
}

// readContents adds the table of contents of a file.
func (v *v1Files) readContents(shard int, limit int64, contents map[string]*TensorInfo) error {
	t := v.tables[shard]
	value, ok, err := t.table.Get(nil)
	if err != nil {
		return err
	}
	bad := func(kind error, detail string) error {
		return atOffset(0, &tfkeep.Error{Op: "open", Path: t.in.path, Err: kind, Detail: detail})
	}
	if !ok {
		return bad(tfkeep.ErrCorrupt, "the table of contents is missing: not a checkpoint")
	}
	found := false
	err = wire.Each(value, func(f wire.Field) error {
		if f.Number != 1 {
			return nil
		}
		found = true
		if need := measureV1(f.Bytes); need > limit {
			return bad(tfkeep.ErrUnsupported, fmt.Sprintf("the table of contents needs %d bytes of memory, the limit is %d: raise ReaderOptions.MemoryLimit", need, limit))
		}
		return f.Message(func(f wire.Field) error {
			switch f.Number {
			case 1:
				return v.addMeta(f, shard, contents)
			case 2:
				vs, err := f.DecodeVersions()
				if why := vs.Refusal(); err == nil && why != "" {
					err = bad(tfkeep.ErrUnsupported, why)
				}
				return err
			}
			return nil
		})
	})
	if err == nil && !found {
		err = errors.New("the first record is not a table of contents")
	}
	var e *tfkeep.Error
	if err != nil && !errors.As(err, &e) {
		err = bad(tfkeep.ErrCorrupt, err.Error())
	}
	return err
}

// measureV1 estimates from above the memory of a table of contents. It counts what precedes
// a damaged field; decoding returns the error.
func measureV1(meta []byte) int64 {
	const perTensor = int64(unsafe.Sizeof(TensorInfo{}) + unsafe.Sizeof(SliceInfo{}) + 64)
	need := int64(0)
	_ = wire.Each(meta, func(f wire.Field) error {
		if f.Number == 1 {
			need += perTensor + int64(len(f.Bytes))
			_ = wire.Each(f.Bytes, func(f wire.Field) error {
				switch f.Number {
				case 2: // shape
					need += 4 * int64(len(f.Bytes))
				case 4: // slice
					need += 2*int64(unsafe.Sizeof(SliceInfo{})) + 16*int64(len(f.Bytes))
				}
				return nil
			})
		}
		return nil
	})
	return need
}

// addMeta adds a SavedSliceMeta: what one file has of one tensor.
func (v *v1Files) addMeta(f wire.Field, shard int, contents map[string]*TensorInfo) error {
	in := TensorInfo{Shard: shard}
	if err := f.Message(func(f wire.Field) (err error) {
		switch f.Number {
		case 1:
			var name []byte
			err = f.Text(&name)
			in.Name = string(name)
		case 2:
			in.Shape, err = decodeShape(f, in.Shape, 0)
		case 3:
			err = f.Int32((*int32)(&in.DType))
		case 4:
			var s Slice
			s, err = decodeSlice(f)
			in.Slices = append(in.Slices, SliceInfo{Slice: s, Shard: shard})
		}
		return err
	}); err != nil {
		return err
	}
	// TensorFlow lists such a tensor, and fails to read it.
	why, kind := typeFault(in.DType)
	if why == "" && in.DType == dtype.Variant {
		kind, why = tfkeep.ErrCorrupt, "it is of type variant, which the V1 format does not have"
	}
	if why != "" {
		in.Fault = &tfkeep.Error{Op: "read", Path: v.tables[shard].in.path, Item: "tensor", Name: in.Name, Err: kind, Detail: why}
	}
	if err := checkV1Meta(&in); err != nil {
		return &tfkeep.Error{Op: "open", Path: v.tables[shard].in.path, Item: "tensor", Name: in.Name, Err: tfkeep.ErrCorrupt, Detail: err.Error()}
	}
	for i := range in.Slices {
		v.locate(&in, &in.Slices[i])
	}
	known := contents[in.Name]
	if known == nil {
		contents[in.Name] = &in
		return nil
	}
	if known.DType != in.DType || !slices.Equal(known.Shape, in.Shape) {
		return &tfkeep.Error{Op: "open", Path: v.tables[shard].in.path, Item: "tensor", Name: in.Name, Err: tfkeep.ErrCorrupt,
			Detail: fmt.Sprintf("it is %s %v here and %s %v elsewhere", dtype.Name(in.DType), in.Shape, dtype.Name(known.DType), known.Shape)}
	}
	known.Slices = append(known.Slices, in.Slices...)
	return nil
}

func checkV1Meta(t *TensorInfo) error {
	if t.Shape == nil {
		t.Shape = []int64{}
	}
	n, ok := dtype.NumElements(t.Shape)
	size := int64(dtype.Size(t.DType))
	if !ok || size > 0 && n > math.MaxInt64/size {
		return fmt.Errorf("the shape %v is impossible", t.Shape)
	}
	if len(t.Slices) == 0 {
		return errors.New("it has no slice")
	}
	for i := range t.Slices {
		s := &t.Slices[i]
		box, err := s.Slice.resolve(t.Shape)
		if err != nil {
			return fmt.Errorf("slice %s does not lie in the shape %v", s.Slice, t.Shape)
		}
		s.Bytes = box.volume() * size
	}
	return nil
}

// locate sets the offset of a slice to that of the block that has its values.
func (v *v1Files) locate(t *TensorInfo, s *SliceInfo) {
	s.Offset = -1
	tab := v.tables[s.Shard].table
	if i, ok := tab.Find(appendSliceKey(nil, t.Name, s.Slice)); ok {
		s.Offset = tab.BlockOffset(i)
	}
}

// finishV1 completes a tensor once all tables of contents were read. A tensor that was
// saved whole has one slice, a full one.
func finishV1(t *TensorInfo, strict bool) error {
	if err := checkTiling(t, strict); err != nil {
		return err
	}
	n, _ := dtype.NumElements(t.Shape)
	t.Bytes = n * int64(dtype.Size(t.DType))
	t.Shard, t.Offset = t.Slices[0].Shard, t.Slices[0].Offset
	if len(t.Slices) == 1 && t.Slices[0].Slice.IsFull() {
		t.Slices = nil
	}
	return nil
}

func (v *v1Files) close() error {
	var err error
	for _, t := range v.tables {
		err = errors.Join(err, t.in.Close())
	}
	return err
}
