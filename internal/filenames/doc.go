// Package filenames formats and parses the names of the files that belong to
// checkpoints. No other package knows how they are spelled.
//
// A V2 checkpoint with the prefix train/model-1000 consists of
//
//	train/model-1000.index                  the index: names, types, shapes, places
//	train/model-1000.data-00000-of-00002    the values, in one or more data files
//	train/model-1000.data-00001-of-00002
//	train/model-1000.meta                   the meta graph, if one was saved
//
// A V1 checkpoint is a file called train/model-1000, or several called
// train/model-1000-00000-of-00002 and so on; Saver.save then returns the pattern
// train/model-1000-?????-of-00002. The file named checkpoint in the same folder is
// the state file, which lists the folder's checkpoints.
package filenames
