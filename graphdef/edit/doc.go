// Package edit changes graphs: [Extract], [StripUnused] and [RemoveTraining] return a
// smaller graph and leave the given one as it is; [ClearDevices] and [RenameScope]
// change a graph in place.
package edit
