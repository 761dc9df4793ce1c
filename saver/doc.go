// Package saver saves and restores the variables of a graph. It is
// tf.compat.v1.train.Saver, with the same options, the same nodes in the graph, and the
// same files.
//
// [New] makes a [Saver] of a graph's variables, [Saver.Save] writes a checkpoint and a
// meta graph, and [Saver.Restore] reads a checkpoint. Another program needs the files
// only: [ImportMetaGraph] makes the graph and its Saver from the ".meta" file. See the
// package example. After a restart, [Saver.Resume] restores the newest checkpoint that is
// whole; see its example.
//
// Package checkpoint/dir finds, lists and removes checkpoints; package checkpoint reads
// single tensors of them.
//
// # What a Saver is
//
// A Saver is a few nodes in the graph and a [graphdef.SaverDef], which names three of
// them: the tensor to feed with the path, the tensor to fetch for a save, and the
// operation that restores. They are written to the ".meta" file with the rest of the
// graph, so that any program can save and restore it. The nodes that [New] adds are those
// of TensorFlow 2.21. To save and restore a graph, a Saver needs the SaverDef only, so
// graphs of every version since 0.8 work.
//
// # Who reads and writes the files
//
// There are three ways, and all of them write the same files, byte for byte:
//
//   - In a session of this process, Go reads and writes the files. Save fetches the
//     tensors that the save nodes would write, which copies nothing, and Restore feeds
//     the tensors that the restore nodes would have read.
//   - On a cluster, the graph's nodes read and write them: each server writes the shard of
//     its variables. That needs a folder that all servers and this process see; otherwise
//     the error is [ErrNotShared]. The nodes also run for paths like gs://, for format V1,
//     and if [Options].Driver is [Ops].
//   - On a cluster with [Files], Go reads and writes the files, and exchanges the values
//     with the servers in batches. No folder has to be shared. See [GatherOptions].
//
// # What differs from TensorFlow
//
//   - Restore changes all variables or none: it compares names, types, shapes and
//     checksums first. The error lists everything that doesn't fit: [RestoreError].
//   - A save is on the disk when it returns, with its meta graph. The state file never
//     names a checkpoint that is not whole.
//   - The next process removes the files that a process that died has left. A second
//     process that saves into the same folder gets tfkeep.ErrLocked.
//   - Restoring a tensor into a resource variable of another shape is an error;
//     TensorFlow assigns it.
package saver
