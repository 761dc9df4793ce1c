package saver

import (
	"context"
	"encoding/binary"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/filenames"
)

// countedStep makes the value of a global step that the checkpoint has in another type, or not
// at all: then it is the number at the end of the checkpoint's name. Without it, a training
// whose model has changed would count from 0 again. It returns nil if there is no number, or
// none that the type holds.
func (l *load) countedStep(ctx context.Context, want Wanted, from *checkpoint.Reader) (*checkpoint.Tensor, error) {
	const exact = 1 << 53 // float64 has all integers up to it
	var step [1]float64
	info, ok := from.Lookup(want.Key)
	switch {
	case ok && dtype.IsInteger(info.DType) && len(info.Shape) == 0:
		data, err := from.ReadBytes(ctx, want.Key, nil)
		if err != nil {
			return nil, err
		}
		if !dtype.Float64s(info.DType, data, step[:]) {
			return nil, nil
		}
	case ok:
		return nil, nil
	default:
		_, n, ok := filenames.CutStep(l.path)
		if !ok {
			return nil, nil
		}
		step[0] = float64(n)
	}
	size := dtype.Size(want.DType)
	if !dtype.IsInteger(want.DType) || size < 1 || size > 8 || step[0] > exact || step[0] < -exact {
		return nil, nil
	}
	data := binary.LittleEndian.AppendUint64(nil, uint64(int64(step[0])))[:size]
	var back [1]float64
	if !dtype.Float64s(want.DType, data, back[:]) || back != step {
		return nil, nil
	}
	return &checkpoint.Tensor{DType: want.DType, Shape: []int64{}, Data: data}, nil
}
