// Package saver saves and restores the variables of a graph: it is
// tf.compat.v1.train.Saver, with the same options, the same nodes in the graph,
// and the same files.
//
//	s, err := saver.New(g, nil)                      // every global variable; the last 5 stay
//	path, err := s.Save(ctx, sess, "ckpt/model", &saver.SaveOptions{GlobalStep: step})
//	…
//	s, err := saver.ImportMetaGraph(g, "ckpt/model-1000.meta", nil)
//	err = s.Restore(ctx, sess, "ckpt/model-1000")
//
// After a restart, [Saver.Resume] does the second part with the newest
// checkpoint that is whole.
//
// # What a Saver is
//
// A Saver is a few nodes in the graph and a [graphdef.SaverDef] that names three of them:
// the tensor that is fed with the path, the tensor whose evaluation saves, and
// the operation that restores. They go into the ".meta" file with the rest of
// the graph, so that any program can save and restore it. The nodes that [New]
// adds are those of TensorFlow 2.21; to run a graph, only the SaverDef is
// relied on, so graphs of every version since 0.8 work.
//
// # Who reads and writes the files
//
// By default Go does (package checkpoint): Save fetches what the save nodes
// would write, which copies nothing, and Restore feeds what the restore nodes
// would have read. The files are the same, byte for byte. The nodes themselves
// run where only they can: paths like gs://, format V1, or when [Options].Driver
// asks for it.
//
// On a cluster the nodes run, too: each server writes the shard of its variables,
// which needs a folder that all of them and this process see ([ErrNotShared] says
// that they don't). With [Files] nothing has to be shared: the values are gathered
// here in batches, and restored by feeding them ([GatherOptions]).
//
// # What differs from TensorFlow
//
//   - Restore changes all variables or none: everything is checked before. The
//     error lists everything that doesn't fit ([RestoreError]).
//   - A save is durable when it returns, and the meta graph belongs to it: there
//     is no moment at which the state file names a checkpoint that is not whole.
//   - The leftovers of a process that died are removed by the next one, and a
//     second process that saves into the same directory is refused.
//   - Restoring a tensor into a resource variable of another shape is an error;
//     TensorFlow assigns it.
package saver
