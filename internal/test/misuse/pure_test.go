package misuse_test

import (
	"reflect"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/convert"
	valuediff "github.com/tfkeep/tfkeep/checkpoint/diff"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
	"github.com/tfkeep/tfkeep/checkpoint/sources"
	"github.com/tfkeep/tfkeep/checkpoint/stats"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/freeze/inference"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/diff"
	"github.com/tfkeep/tfkeep/graphdef/draw"
	"github.com/tfkeep/tfkeep/graphdef/edit"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/safety"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/graphdef/summary"
	"github.com/tfkeep/tfkeep/graphdef/tensorboard"
	"github.com/tfkeep/tfkeep/savedmodel/offline"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/verify"
)

var pureFunctions = []any{
	checkpoint.Create, checkpoint.FormatSliceSpec, checkpoint.Merge, checkpoint.Open, checkpoint.ParseSlice, checkpoint.ParseSliceSpec, checkpoint.V1Holds, checkpoint.Values[float32], checkpoint.Values[bool], checkpoint.Verify,
	convert.Convert, convert.FormatOf, convert.Formats, convert.NameKinds, convert.ReadMap,
	valuediff.Compare,
	dir.Exists, dir.Hold, dir.Latest, dir.List, dir.Lock, dir.MetaGraphPath, dir.Mtime, dir.Open, dir.ReadState, dir.Remove, dir.Sweep, dir.UpdateState, dir.Watch,
	objectgraph.Decode, objectgraph.New, objectgraph.Read,
	sources.NoStrings, sources.Read, sources.ReadInto, sources.WholeOnly,
	stats.Summarize,
	dtype.AppendFloat, dtype.Base[dtype.DataType], dtype.CName[dtype.DataType], dtype.Constant[dtype.DataType], dtype.Float64s, dtype.IsComplex, dtype.IsFloat, dtype.IsInteger, dtype.IsRef[dtype.DataType], dtype.Known[dtype.DataType], dtype.Name[dtype.DataType], dtype.Normalize, dtype.NumElements, dtype.Parse, dtype.PutFloat32s, dtype.Ref[dtype.DataType], dtype.Size[dtype.DataType], dtype.ToBF16, dtype.ToF16,
	freeze.FromCheckpoint, freeze.FromGraph, freeze.FromMetaGraph, freeze.FromSavedModel, freeze.New, freeze.SuggestOutputs,
	inference.Optimize, inference.RoundWeights,
	graphdef.FindMetaGraph, graphdef.MarshalBinary, graphdef.MarshalText, graphdef.NewMessage, graphdef.Parse, graphdef.ParseGraphDef, graphdef.ParseMetaGraphDef, graphdef.ParseSavedModel, graphdef.ParseTensorName, graphdef.Read, graphdef.ReadGraphDef, graphdef.ReadMetaGraphDef, graphdef.ReadSavedModel, graphdef.ReadSaverDef, graphdef.UnmarshalText, graphdef.Variables, graphdef.Write,
	check.Collections, check.Graph, check.MetaGraph,
	diff.Graphs,
	draw.Dot, draw.SVG,
	edit.ClearDevices, edit.Extract, edit.RemoveTraining, edit.RenameScope, edit.StripUnused, edit.WithNodes,
	opdef.AddDefaults, opdef.Builtin, opdef.OutputNames, opdef.OutputTypes, opdef.Parse, opdef.RemoveUnknownDefaults, opdef.StripDefaults, opdef.StripMetaGraphDefaults, opdef.StrippedList, opdef.Unknown, opdef.Used,
	safety.CheckImport, safety.Lookup, safety.NewPlan, safety.RestoreRun,
	savergraph.ExtraneousNodes, savergraph.New, savergraph.Ops,
	signature.CheckAll, signature.CheckMethod, signature.Classify, signature.Defaults, signature.Dense, signature.Eval, signature.ForOperation, signature.New, signature.Parts, signature.Predict, signature.Regress, signature.SetDefaults, signature.Sparse, signature.TensorNames, signature.Train,
	summary.Of,
	tensorboard.WriteGraph,
	offline.DefaultDenylist, offline.Diff, offline.Edit, offline.FromCheckpoint, offline.FromFrozen, offline.KeepTags, offline.Refused, offline.RemoveSignature, offline.RenameSignature, offline.Retag, offline.Scan, offline.SetSignature,
	status.Errorf, status.New,
	verify.Path,
}

var pureTypes = []reflect.Type{
	reflect.TypeFor[*checkpoint.Reader](),
	reflect.TypeFor[*checkpoint.Report](),
	reflect.TypeFor[*checkpoint.Writer](),
	reflect.TypeFor[checkpoint.Slice](),
	reflect.TypeFor[checkpoint.Version](),
	reflect.TypeFor[*objectgraph.Graph](),
	reflect.TypeFor[*objectgraph.Finder](),
	reflect.TypeFor[*objectgraph.Paths](),
	reflect.TypeFor[*stats.Summary](),
	reflect.TypeFor[dtype.BF16](),
	reflect.TypeFor[dtype.F16](),
	reflect.TypeFor[*freeze.Plan](),
	reflect.TypeFor[*freeze.ValuesError](),
	reflect.TypeFor[*check.Error](),
	reflect.TypeFor[*check.Limits](),
	reflect.TypeFor[check.Fault](),
	reflect.TypeFor[diff.Difference](),
	reflect.TypeFor[*opdef.Set](),
	reflect.TypeFor[*safety.Error](),
	reflect.TypeFor[*safety.Plan](),
	reflect.TypeFor[*safety.Run](),
	reflect.TypeFor[safety.Finding](),
	reflect.TypeFor[*savergraph.Graph](),
	reflect.TypeFor[savergraph.Task](),
	reflect.TypeFor[*status.Error](),
	reflect.TypeFor[status.Code](),
	reflect.TypeFor[*verify.Report](),
	reflect.TypeFor[*tfkeep.Error](),
}
