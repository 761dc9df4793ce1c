// Package tensorboard writes graphs into event files, the log format of TensorBoard. Its
// Graphs page shows them after
//
//	tensorboard --logdir DIR
//
// where DIR is the directory that was given to [WriteGraph].
package tensorboard
