// Package vfs is the interface between this module and the file system.
//
// Everything that writes lasting files (checkpoints, their state file, meta graphs)
// uses an [FS]. Normally that is [OS]. Tests use the FS of package crashfs, which loses
// unsynced data and fails at a chosen operation, to prove that the order of writes, syncs
// and renames is right.
//
// The interface has only what durable writing needs. It assumes the rules of POSIX for
// renames and folders. In particular, a new name is durable only after FS.SyncDir of
// its folder.
//
// [WriteFileAtomic] is the usual way to replace a small file: after it returns, or
// after a crash at any moment, the file is whole, old or new.
package vfs
