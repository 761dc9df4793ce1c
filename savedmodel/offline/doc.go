// Package offline makes, changes and inspects SavedModels from their files alone, without
// a session and without libtensorflow:
//
//   - [FromFrozen] and [FromCheckpoint] make a model from a frozen graph, or from a
//     checkpoint and its meta graph;
//   - [Edit] with [KeepTags], [Retag], [SetSignature], [RemoveSignature] and
//     [RenameSignature] changes a model in place, in one step;
//   - [Scan] finds operations that a careful server would not run;
//   - [Diff] compares two models.
//
// Package savedmodel builds models from live graphs, and loads them.
package offline
