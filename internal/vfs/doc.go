// Package vfs is the seam between this module and the file system.
//
// Everything that writes a file for keeps (checkpoints, their state file, meta
// graphs) does so through an [FS]. In use that is [OS]. In tests it is the
// crashable one of the subpackage crashfs, which forgets what was not synced
// and fails on request, so that the order of writes, syncs and renames is
// something a test can prove rather than something a comment claims.
//
// The interface holds what durable writing needs and no more: POSIX's rules for
// renames and directories are assumed. In particular a new or renamed name is
// durable only once its directory has been synced with FS.SyncDir.
//
// [WriteFileAtomic] is the usual way to replace a small file: after it returns,
// or after a crash at any point within it, the file is whole, old or new.
package vfs
