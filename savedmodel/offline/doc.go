// Package offline makes, changes and inspects SavedModels without a session
// and without libtensorflow: it works on the files alone.
//
//   - [FromFrozen] and [FromCheckpoint] make a servable model of a frozen
//     graph, or of a checkpoint and its meta graph;
//   - [Edit] with [KeepTags], [Retag], [SetSignature], [RemoveSignature] and
//     [RenameSignature] changes a model in place, in one step;
//   - [Scan] finds operations that a careful server would not run;
//   - [Diff] tells two models apart.
//
// Package savedmodel does the same with live graphs, and loads models.
package offline
