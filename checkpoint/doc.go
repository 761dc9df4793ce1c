// Package checkpoint reads and writes TensorFlow checkpoint files in pure Go.
//
// It needs no TensorFlow: a program that imports it builds with CGO_ENABLED=0
// and opens what every TensorFlow since 2015 has saved.
//
// # The files
//
// A checkpoint is named by its prefix, such as "train/model-1000".
//
//   - V2, the tensor bundle (TensorFlow 0.12 and later): train/model-1000.index
//     is a sorted table from tensor names to places, and
//     train/model-1000.data-00000-of-00001 (one file a shard) holds the bytes.
//   - V1 (before, and still written by Saver(write_version=V1)): one sorted
//     table, train/model-1000, holds names and values both. A sharded one is
//     several such files, train/model-1000-00000-of-00002 and so on.
//
// docs/format describes both to the byte.
//
// # Reading
//
// [Open] takes a prefix, or a directory and reads its newest checkpoint.
// Opening reads the index alone; values are read when they are asked for:
//
//	r, err := checkpoint.Open("train/model-1000", nil)
//	if err != nil {
//		return err
//	}
//	defer r.Close()
//	for t := range r.Tensors() {
//		fmt.Println(t.Name, dtype.Name(t.DType), t.Shape)
//	}
//	weights, err := checkpoint.Values[float32](ctx, r, "hidden/weights", nil)
//
// A [Reader] is safe for use by many goroutines at once. Numbers come out in
// row-major order and, as raw bytes, little-endian, whatever the machine that
// wrote them.
//
// # Writing
//
// [Create] begins a V2 checkpoint; it appears when [Writer.Commit] has put it on
// the disk, all of it at once, and an earlier one of the same prefix is whole
// until then. The files are those of TensorFlow, byte for byte:
//
//	w, err := checkpoint.Create("train/model-2000", nil)
//	if err != nil {
//		return err
//	}
//	defer w.Close()
//	if err := w.Add(ctx, tensors...); err != nil {
//		return err
//	}
//	return w.Commit(ctx)
//
// [Merge] makes one checkpoint of several, WriterOptions.Version chooses the old format,
// [Remove] removes a checkpoint and [Sweep] what killed writers have left.
// docs/durability.md says what is promised, and in which order things happen.
//
// # Newest
//
// The state file of a directory names its newest checkpoint: [Latest] follows it,
// [ReadState] and [UpdateState] read and write it.
//
// # Trust
//
// The contents of a file are taken as hostile until checked. Nothing is
// allocated on the word of an unchecked size, every checksum is verified
// (unless [ReaderOptions.SkipChecksums]), and every failure is an [*Error] that
// names the file, the tensor or block, and the offset, and that wraps one of
// the package's sentinels: [tfkeep.ErrCorrupt], [tfkeep.ErrNotFound], [tfkeep.ErrUnsupported],
// [tfkeep.ErrMismatch], [tfkeep.ErrClosed].
package checkpoint
