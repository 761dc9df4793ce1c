package checkpoint

import (
	"errors"
	"fmt"

	"github.com/tfkeep/tfkeep/checkpoint/internal/wire"
)

// decodeShape reads a TensorShapeProto. It appends the dimensions to dims, whose first
// start elements belong to other tensors.
func decodeShape(f wire.Field, dims []int64, start int) ([]int64, error) {
	err := f.Message(func(f wire.Field) error {
		switch f.Number {
		case 2: // dim
			var size int64
			if err := f.Message(func(f wire.Field) error {
				if f.Number == 1 {
					return f.Int64(&size)
				}
				return nil
			}); err != nil {
				return err
			}
			if len(dims)-start == maxRank {
				return fmt.Errorf("the shape has more than %d dimensions", maxRank)
			}
			dims = append(dims, size)
		case 3: // unknown_rank
			if f.Num != 0 {
				return errors.New("the shape has no rank")
			}
		}
		return nil
	})
	return dims, err
}

// decodeSlice reads a TensorSliceProto. An extent without a length, or with the length
// -1 of older writers, is full.
func decodeSlice(f wire.Field) (Slice, error) {
	s := Slice{}
	err := f.Message(func(f wire.Field) error {
		if f.Number != 1 {
			return nil
		}
		e := Extent{0, FullExtent}
		if err := f.Message(func(f wire.Field) error {
			switch f.Number {
			case 1:
				return f.Int64(&e.Start)
			case 2:
				return f.Int64(&e.Length)
			}
			return nil
		}); err != nil {
			return err
		}
		if len(s) == maxRank {
			return fmt.Errorf("the slice has more than %d dimensions", maxRank)
		}
		s = append(s, e)
		return nil
	})
	return s, err
}
