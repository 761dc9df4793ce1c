package misuse_test

import (
	"reflect"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
	"github.com/tfkeep/tfkeep/tf/op"
	"github.com/tfkeep/tfkeep/tf/trace"
	"github.com/tfkeep/tfkeep/tf/train"
)

var sessionFunctions = []any{
	capi.AddOperation, capi.AddWhileInput, capi.Functions, capi.GraphOf, capi.HandleData, capi.SetHandleData, capi.Adopt, capi.AllOpList, capi.AllocateTensor, capi.Attr, capi.AttrValue, capi.Changes, capi.Clone, capi.CheckOperation, capi.Contents, capi.Renew, capi.CheckOutput, capi.CloseSession, capi.ControlInputs, capi.CopyFunctions, capi.Devices, capi.Driver, capi.Extend, capi.ForeignTensor, capi.GraphDef, capi.HasGPUKernels, capi.InSession, capi.Import, capi.Inputs, capi.InterruptSession, capi.LoadLibrary, capi.NewServer, capi.NewSession, capi.NewStep, capi.NewStrings, capi.NodeDef, capi.OpenLibrary, capi.OperationNames, capi.Release, capi.Released, capi.SetAttr, capi.SetLogLevel, capi.SetRequestedDevice, capi.SetShape, capi.Strings, capi.Version, capi.Versions,
	savedmodel.FindOperation, savedmodel.FindSparse, savedmodel.FindTensor, savedmodel.IsSavedModel, savedmodel.Load, savedmodel.LoadGraph, savedmodel.NewBuilder, savedmodel.NewVersion, savedmodel.Open, savedmodel.PredictSignature, savedmodel.ScanPredict, savedmodel.SimpleSave, savedmodel.SparseTensorInfo, savedmodel.TensorInfo, savedmodel.Versions,
	saver.Freeze, saver.FromImported, saver.ImportMetaGraph, saver.InitFromCheckpoint, saver.New, saver.NewTable, saver.SaveNumber, saver.Step[int], saver.Step[*tf.Variable], saver.Step[tf.Output], saver.Var[*tf.Variable], saver.Var[[]*tf.Variable], saver.Var[tf.Output], saver.Vars[*tf.Variable], saver.Vars[[]*tf.Variable], saver.Vars[tf.Output],
	supervisor.Recoverable, supervisor.Run,
	tf.Case, tf.Cond, tf.Fold, tf.Map, tf.NewFunction, tf.NewTensorArray, tf.Scan, tf.Unstack, tf.While,
	tf.Constant, tf.CopyScope, tf.Elements[float32], tf.SetElements[int32], tf.ExportMetaGraph, tf.FromOutput, tf.FuncList, tf.GlobalVariablesInitializer, tf.GlorotNormal, tf.GlorotUniform, tf.ImportGraphDef, tf.ImportMetaGraph, tf.ImportMetaGraphFile, tf.LoadLibrary, tf.MakeShape, tf.NewGraph, tf.NewItem, tf.NewSession, tf.NewTensor, tf.NewVariable, tf.Normal, tf.Ones, tf.Out, tf.ReadTensor, tf.Release, tf.SetLogLevel, tf.TruncatedNormal, tf.Uniform, tf.UninitializedVariables, tf.Value, tf.VariablesInitializer, tf.Version, tf.WithOperationTimeout, tf.WrapGraph, tf.WrapSession, tf.Zeros,
	cluster.FromEnv, cluster.GreedyLoadBalancing, cluster.NewServer, cluster.NewSpec[[]string], cluster.NewSpec[map[int]string], cluster.ParseSpec, cluster.ReplicaDeviceSetter, cluster.Serve,
	op.Const, op.NewScope,
	trace.WriteChrome,
	train.ApplyGradients, train.ClipByGlobalNorm, train.ClipByNorm, train.ClipByValue, train.ComputeGradients, train.FindGlobalStep, train.GetOrCreateGlobalStep, train.GlobalNorm, train.Gradients, train.RegisterGradient, train.Minimize, train.NewAdagrad, train.NewAdam, train.NewGradientDescent, train.NewMomentum, train.NewRMSProp,
}

var sessionTypes = []reflect.Type{
	reflect.TypeFor[*capi.DriverError](),
	reflect.TypeFor[*capi.Server](),
	reflect.TypeFor[*capi.Step](),
	reflect.TypeFor[*savedmodel.Builder](),
	reflect.TypeFor[*savedmodel.Model](),
	reflect.TypeFor[*savedmodel.Signature](),
	reflect.TypeFor[saver.GlobalStep](),
	reflect.TypeFor[*saver.Nodes](),
	reflect.TypeFor[*saver.Pending](),
	reflect.TypeFor[*saver.RestoreError](),
	reflect.TypeFor[*saver.Saver](),
	reflect.TypeFor[*supervisor.OutageError](),
	reflect.TypeFor[*supervisor.Running](),
	reflect.TypeFor[*supervisor.StoppedError](),
	reflect.TypeFor[supervisor.Event](),
	reflect.TypeFor[supervisor.Task](),
	reflect.TypeFor[*tf.Callable](),
	reflect.TypeFor[*tf.Function](),
	reflect.TypeFor[*tf.Graph](),
	reflect.TypeFor[*tf.Scope](),
	reflect.TypeFor[*tf.Session](),
	reflect.TypeFor[*tf.SessionOptions](),
	reflect.TypeFor[*tf.TensorArray](),
	reflect.TypeFor[*tf.UninitializedError](),
	reflect.TypeFor[*tf.UnknownOpsError](),
	reflect.TypeFor[*tf.Variable](),
	reflect.TypeFor[tf.Func](),
	reflect.TypeFor[tf.Initializer](),
	reflect.TypeFor[tf.Item](),
	reflect.TypeFor[tf.Node](),
	reflect.TypeFor[*cluster.Server](),
	reflect.TypeFor[*cluster.Spec](),
	reflect.TypeFor[cluster.Task](),
	reflect.TypeFor[train.Gradient](),
}
