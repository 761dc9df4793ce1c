package freeze

import (
	"slices"
	"strings"

	opdefpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// computing are operations whose outputs never share memory with their inputs when those
// are in use elsewhere, as the memory of a variable is. Operations that return an input unchanged
// in some cases, such as Identity, Reshape, Slice, Transpose, Sum and CheckNumerics,
// are not here.
var computing = setOf(`
	Abs Acos Acosh Add AddV2 ApproximateEqual ArgMax ArgMin AsString Asin Asinh Atan Atan2 Atanh
	AvgPool BatchMatMul BatchMatMulV2 BatchMatMulV3 BiasAdd Ceil Complex Conv2D Conv3D Cos Cosh
	DepthwiseConv2dNative Digamma Div DivNoNan Elu Equal Erf Erfc Exp Expm1 Fill Floor FloorDiv
	FloorMod FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Gather GatherNd GatherV2 Greater
	GreaterEqual Inv InvertPermutation IsFinite IsInf IsNan IsVariableInitialized L2Loss LeakyRelu Less LessEqual Lgamma Log Log1p
	LogSoftmax LogicalAnd LogicalNot LogicalOr MatMul MaxPool Maximum Minimum Mod Mul MulNoNan Neg
	NotEqual OneHot Pow RandomUniform Range Rank RealDiv Reciprocal Relu Relu6 Rint Round Rsqrt
	Selu Shape ShapeN Sigmoid Sign Sin Sinh Size Softmax Softplus Softsign SparseSoftmaxCrossEntropyWithLogits
	SoftmaxCrossEntropyWithLogits Sqrt Square SquaredDifference StringFormat StringJoin StringLength
	StringToHashBucketFast StringToNumber Sub Tan Tanh TopK TopKV2 TruncateDiv TruncateMod Xdivy Xlogy
	Assert NoOp PrintV2
	Assign AssignAdd AssignSub AssignAddVariableOp AssignSubVariableOp
`)

// computes reports whether the outputs of n are memory of their own.
func computes(n *graphdef.NodeDef) bool {
	if n.Op == "Cast" {
		return n.Attr["SrcT"].GetType() != n.Attr["DstT"].GetType()
	}
	return computing[n.Op]
}

// keepsMemory reports whether a node may hold on to the memory of what it takes, as a queue
// does, or write to a variable while it looks at it. AssignAdd may add a variable to itself.
func (l *library) keepsMemory(n *graphdef.NodeDef) bool {
	return l.runs(n, true, func(n *graphdef.NodeDef) bool {
		if computing[n.Op] || n.Op == "Print" {
			return false
		}
		op := opdef.Builtin().Get(n.Op)
		return op == nil || op.IsStateful || nodedef.WritesVariable(n.Op) || slices.ContainsFunc(op.InputArg, func(a *opdefpb.OpDef_ArgDef) bool {
			return a.Type == dtype.Resource || a.IsRef
		})
	})
}

// setOf returns the words of a text.
func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}
