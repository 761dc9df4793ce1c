package checkpoint

import (
	"cmp"
	"context"
	"slices"

	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/crc32c"
	"github.com/tfkeep/tfkeep/internal/parallel"
)

// ReadMany reads whole tensors of numbers, as [Reader.ReadBytes] does, in the order of names.
// It reads small tensors that are neighbors in a file together, which is several times as
// fast for thousands of them. Their values share memory: the caller must not append to them,
// and keeping one keeps its neighbors. After an error no values are returned.
func (r *Reader) ReadMany(ctx context.Context, names []string) ([][]byte, error) {
	if r == nil {
		return nil, argcheck.Nil("read", "", "Reader")
	}
	if err := argcheck.Context(ctx, "read", r.prefix); err != nil {
		return nil, err
	}
	values := make([][]byte, len(names))
	var small []smallPart
	var rest []int
	for i, name := range names {
		p, ok, err := r.smallPart(ctx, name)
		switch {
		case err != nil:
			return nil, err
		case ok:
			p.index = i
			small = append(small, p)
		default:
			rest = append(rest, i)
		}
	}
	runs := neighbors(small)
	err := parallel.Each(ctx, len(runs)+len(rest), r.opts.workers(), func(ctx context.Context, i int) (err error) {
		if i < len(runs) {
			return r.readRun(ctx, runs[i], values)
		}
		i = rest[i-len(runs)]
		values[i], err = r.ReadBytes(ctx, names[i], nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

const (
	maxSmall = 64 << 10 // bytes of a tensor that is read together with others
	maxGap   = 4 << 10  // bytes between two of them
	maxRun   = 1 << 20  // bytes that are read at once
)

// smallPart is a small tensor that is stored in one part.
type smallPart struct {
	bundlePart
	index int // of its name
}

func (p *smallPart) end() int64 { return p.place.Offset + p.place.Bytes }

// smallPart finds a tensor that can be read together with its neighbors.
func (r *Reader) smallPart(ctx context.Context, name string) (p smallPart, ok bool, err error) {
	t, end, err := r.begin(ctx, name)
	if err != nil {
		return p, false, err
	}
	defer end()
	b, isBundle := r.values.(*bundle)
	if !isBundle || b.bigEndian || t.Slices != nil || variable(t.DType) || t.Bytes > maxSmall {
		return p, false, nil
	}
	p.bundlePart, err = b.part(t, &SliceInfo{Bytes: t.Bytes, Shard: t.Shard, Offset: t.Offset, CRC32C: t.CRC32C})
	return p, err == nil, err
}

// neighbors divides parts into runs that are read at once.
func neighbors(parts []smallPart) (runs [][]smallPart) {
	slices.SortFunc(parts, func(a, b smallPart) int {
		return cmp.Or(cmp.Compare(a.place.Shard, b.place.Shard), cmp.Compare(a.place.Offset, b.place.Offset))
	})
	from, end := 0, int64(0)
	for i := range parts {
		p, first := &parts[i], &parts[from]
		if i > from && (p.in != first.in || p.place.Offset > end+maxGap || p.end() > first.place.Offset+maxRun) {
			runs = append(runs, parts[from:i])
			from, end = i, 0
		}
		end = max(end, p.end())
	}
	if len(parts) > 0 {
		runs = append(runs, parts[from:])
	}
	return runs
}

// readRun reads and checks neighbors.
func (r *Reader) readRun(ctx context.Context, run []smallPart, values [][]byte) error {
	_, done, err := r.begin(ctx, run[0].t.Name)
	if err != nil {
		return err
	}
	defer done()
	if err := ctx.Err(); err != nil {
		return err
	}
	start, end := run[0].place.Offset, int64(0)
	for i := range run {
		end = max(end, run[i].end())
	}
	data := make([]byte, end-start)
	n, _ := run[0].in.ReadAt(data, start)
	for i := range run {
		p := &run[i]
		from, to := p.place.Offset-start, p.end()-start
		value := data[from:to:to]
		if to > int64(n) { // the error is that of this tensor
			err = p.readInto(ctx, value)
		} else if !p.b.opts.SkipChecksums {
			err = p.checkSum(crc32c.Update(0, value))
		}
		if err != nil {
			return err
		}
		values[p.index] = value
	}
	return nil
}
