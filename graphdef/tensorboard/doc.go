// Package tensorboard writes graphs into event files, the log format of
// TensorBoard, so that its Graphs page shows them:
//
//	path, err := tensorboard.WriteGraph("logs", def)
//
// and then: tensorboard --logdir logs
package tensorboard
