// Package dir works with a folder of checkpoints, such as the one that a training job
// saves into: which checkpoints it has, which one is the newest, and what interrupted
// saves left in it.
//
// A saver writes a state file, usually called "checkpoint", beside its checkpoints.
// It names the newest one and those that the saver still keeps. [ReadState] and
// [UpdateState] read and replace it, byte for byte as TensorFlow does. [Latest] returns
// the newest checkpoint, [Open] opens it, and [List] returns all of them.
//
// The folder may be moved even if its state file has absolute paths: a checkpoint that is
// not at its path is looked for in the folder itself.
//
// [Remove] removes one checkpoint in a way that never leaves half of it. [Sweep]
// removes what processes that died have left. [Lock] keeps a second writer out.
//
// [Watch] walks over new checkpoints as they come, for a program that evaluates a model
// while another one trains it. [Hold] keeps a checkpoint from being removed meanwhile.
//
// Package checkpoint reads and writes the checkpoints themselves.
package dir
