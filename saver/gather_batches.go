package saver

import (
	"fmt"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

// GatherOptions tune how saver.Files moves values between the servers of a cluster
// and this process. Nil, and the zero value, are right for most. Sessions without
// a Target do not use them.
type GatherOptions struct {
	// Cluster lets the Saver exchange values directly with the servers that hold
	// them: it then opens sessions of its own, with the options of the one that it
	// is given, on each server. Without it all values pass through the session's
	// server, which takes about twice as long. It has no effect on sessions with
	// Isolate, on variables without a task of their own, and on servers that it
	// doesn't list.
	Cluster *cluster.Spec
	// BatchBytes is how much one run moves; 0 means 16 MiB, and up to 64 MiB for
	// more than 4 GiB in all, since servers prepare a graph for each batch when it
	// first runs. A larger variable moves by itself. The values that one batch takes
	// from one server are of the same moment.
	BatchBytes int64
	// Batches is how many batches are under way at once, which takes about three
	// times their size in memory; 0 means 4.
	Batches int
}

const (
	// Smaller batches have a server prepare more graphs, and larger ones don't fit
	// its caches and take fresh memory each time: both take longer.
	minBatchBytes  = 16 << 20
	maxBatchBytes  = 64 << 20
	manyBatches    = 256
	defaultBatches = 4
	// unknownParts: so many tensors of unknown size make a batch.
	unknownParts = 8
)

func (o *GatherOptions) check() error {
	switch {
	case o == nil:
		return nil
	case o.BatchBytes < 0 || o.BatchBytes > capi.MaxMessage:
		return fault(tfkeep.ErrArgument, "Gather.BatchBytes is %d; it must be between 0 and %d, the size of a message", o.BatchBytes, capi.MaxMessage)
	case o.Batches < 0:
		return fault(tfkeep.ErrArgument, "Gather.Batches is negative")
	}
	return nil
}

func (o *GatherOptions) cluster() *cluster.Spec {
	if o == nil {
		return nil
	}
	return o.Cluster
}

// batchBytes returns the size of a batch where there are so many bytes in all.
func (o *GatherOptions) batchBytes(total int64) int64 {
	if o == nil || o.BatchBytes == 0 {
		return min(max(total/manyBatches, minBatchBytes), maxBatchBytes)
	}
	return o.BatchBytes
}

func (o *GatherOptions) batches() int {
	if o == nil || o.Batches == 0 {
		return defaultBatches
	}
	return o.Batches
}

// oneByOne returns options by which one large variable, or several small ones, move at a time. A
// run for each small variable would take more memory for its preparation than the values take.
func oneByOne(o *GatherOptions) *GatherOptions {
	return &GatherOptions{Cluster: o.cluster(), BatchBytes: minBatchBytes, Batches: 1}
}

// tooLarge returns an error about a tensor that no message between a server and this
// process can hold.
func tooLarge(key, size string, cause error) error {
	return &tfkeep.Error{
		Item: "tensor", Name: key, Err: tfkeep.ErrTooLarge, Cause: cause,
		Detail: fmt.Sprintf("%s: a message of gRPC holds at most %d bytes; partition the variable, or save with saver.Ops into storage that the servers share", size, capi.MaxMessage),
	}
}

// staticBytes returns the size of a tensor as far as the graph knows it, or -1.
func staticBytes(o tf.Output) int64 {
	size := int64(dtype.Size(dtype.Base(o.DataType())))
	dims, known := knownDims(o.Shape())
	if size == 0 || !known {
		return -1
	}
	n, ok := dtype.NumElements(dims)
	if !ok || n > 1<<50 {
		return 1 << 60
	}
	return n * size
}

// inBatches divides tensors into batches. Tensors keep their order within a lane, and
// the batches of the lanes alternate, because different machines serve them. A size of
// -1 is unknown.
func inBatches(sizes []int64, lane func(int) int, limit int64) [][]int {
	var lanes [][][]int
	number := map[int]int{}
	room := map[int]int64{}
	for i, size := range sizes {
		if size < 0 {
			size = limit / unknownParts
		}
		l, ok := number[lane(i)]
		if !ok {
			l = len(lanes)
			number[lane(i)] = l
			lanes = append(lanes, nil)
		}
		if len(lanes[l]) == 0 || size > room[l] {
			lanes[l] = append(lanes[l], nil)
			room[l] = limit
		}
		room[l] -= size
		last := len(lanes[l]) - 1
		lanes[l][last] = append(lanes[l][last], i)
	}
	var out [][]int
	for k := 0; ; k++ {
		before := len(out)
		for _, l := range lanes {
			if k < len(l) {
				out = append(out, l[k])
			}
		}
		if len(out) == before {
			return out
		}
	}
}
