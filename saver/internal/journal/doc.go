// Package journal holds the lock on a folder of checkpoints, and removes what
// interrupted saves leave in it.
//
// One process at a time may save under one state file. A [Folder] is the lock: it is
// held from the first save into the folder until the Saver is closed or the process
// ends. Its file doubles as a journal: before a save writes or removes anything, it
// notes the files there, so that the next save can tidy up after a process that died.
//
// Savers of one process share a Folder and take turns:
//
//	if err := folder.Begin(ctx, noSync); err != nil { … }
//	defer folder.End()
//	err := folder.Announce(writing, retired)
//	…                    // write the checkpoint and the state file
//	folder.Commit()      // or Undo
package journal
