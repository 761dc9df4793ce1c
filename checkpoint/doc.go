// Package checkpoint reads and writes TensorFlow checkpoint files in pure Go.
//
// It does not need TensorFlow: a program that imports it builds with CGO_ENABLED=0, and
// reads what every TensorFlow since 2015 has saved.
//
// # Files
//
// The name of a checkpoint is its prefix, such as "train/model-1000".
//
//   - V2, the tensor bundle (TensorFlow 0.12 and later): train/model-1000.index is a
//     sorted table of tensor names and places, and train/model-1000.data-00000-of-00001
//     has the bytes; there may be several such data files, called shards.
//   - V1 (before that, and still written by Saver(write_version=V1)): one sorted table,
//     train/model-1000, has both names and values. A sharded one consists of several such
//     files, train/model-1000-00000-of-00002 and so on.
//
// docs/format describes both formats to the byte.
//
// # Reading
//
// [Open] takes a prefix and returns a [Reader]. It reads the index only; methods such as
// [Reader.ReadBytes], and the function [Values], read the values. Several goroutines may
// use a Reader at the same time. Elements are in row-major order and, as raw bytes,
// little-endian, whatever machine wrote them. ExampleOpen shows it. [Reader.ReadMany] is
// the fastest for thousands of small tensors.
//
// [Verify] reads a whole checkpoint and collects everything that is wrong with it.
//
// # Writing
//
// [Create] begins a checkpoint, [Writer.Add] and [Writer.AddFrom] write tensors, and
// [Writer.Commit] makes the checkpoint appear: all of it at once, and after it has reached
// the disk. Until then an earlier checkpoint of the same prefix stays whole. The files are
// those that TensorFlow writes, byte for byte. ExampleWriter shows it.
//
// [Merge] makes one checkpoint of several. docs/durability.md says what is guaranteed, and
// in which order things happen.
//
// Package checkpoint/dir works with a folder of checkpoints: which one is the newest, and
// which files interrupted writers have left.
//
// # Damaged files
//
// The package does not trust the contents of a file. It allocates no memory for a size
// that was not checked, and verifies every checksum (unless
// [ReaderOptions.SkipChecksums] is set). Errors are of type [tfkeep.Error]: they name the
// file, the tensor or block, and the offset, and they wrap one of the kinds of package
// tfkeep, such as [tfkeep.ErrCorrupt] and [tfkeep.ErrNotFound].
package checkpoint
