package saver

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
	"github.com/tfkeep/tfkeep/checkpoint/sources"
	"github.com/tfkeep/tfkeep/dtype"
)

// mapObjects finds the keys of an object-based checkpoint by the objects that have them.
// Equal keys do not count: the same key may be another object's.
func (l *load) mapObjects(ctx context.Context) error {
	objects, err := objectgraph.Read(ctx, l.source)
	if err != nil {
		return fmt.Errorf("read its object graph: %w", err)
	}
	match, err := l.objects.FindIn(objects, l.opts.Root)
	if err != nil {
		return err
	}
	l.root, _ = objects.Paths().Of(match.Root)
	l.absent, l.beside = map[string]bool{}, map[string]bool{objectgraph.Key: true}
	for _, t := range l.plan {
		if _, renamed := l.keys[t.Key]; renamed {
			continue
		}
		if key, ok := match.Keys[t.Key]; ok {
			l.keys[t.Key] = key
		} else {
			l.absent[t.Key] = true
		}
	}
	if key := objects.SaveCounterKey(); key != "" {
		l.beside[key] = true
		l.saves, err = readCounter(ctx, l.source, key)
	}
	return err
}

// readCounter reads the number of saves.
func readCounter(ctx context.Context, src checkpoint.Source, key string) (int64, error) {
	have, ok := src.Lookup(key)
	if !ok || have.DType != dtype.Int64 || len(have.Shape) != 0 {
		return 0, &tfkeep.Error{Item: "tensor", Name: key, Err: tfkeep.ErrCorrupt, Detail: "the number of saves is not a scalar of int64"}
	}
	data, err := sources.Read(ctx, src, key, nil)
	if err != nil {
		return 0, err
	}
	n := int64(binary.LittleEndian.Uint64(data))
	if n < 0 {
		return 0, &tfkeep.Error{Item: "tensor", Name: key, Err: tfkeep.ErrCorrupt, Detail: fmt.Sprintf("the number of saves is %d", n)}
	}
	return n, nil
}

// objectTensors returns what a checkpoint of Options.Objects has beside the variables.
func (j *job) objectTensors() ([]checkpoint.Tensor, error) {
	objects := j.s.opts.Objects
	if objects == nil {
		return nil, nil
	}
	var tensors []checkpoint.Tensor
	if !j.opts.NoSaveCounter {
		objects = objects.Under(j.root).WithSaveCounter()
		tensors = append(tensors, checkpoint.Tensor{
			Name: objects.SaveCounterKey(), DType: dtype.Int64,
			Data: binary.LittleEndian.AppendUint64(nil, uint64(j.number)),
		})
	}
	text, err := objects.Encode()
	if err != nil {
		return nil, err
	}
	return append(tensors, checkpoint.Tensor{Name: objectgraph.Key, DType: dtype.String, Strings: [][]byte{text}}), nil
}
