package freeze

import (
	"strings"

	"github.com/tfkeep/tfkeep/graphdef"
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
	Assert NoOp Print PrintV2
	Assign AssignAdd AssignSub AssignAddVariableOp AssignSubVariableOp
`)

// computes reports whether the outputs of n are memory of their own.
func computes(n *graphdef.NodeDef) bool {
	if n.Op == "Cast" {
		return n.Attr["SrcT"].GetType() != n.Attr["DstT"].GetType()
	}
	return computing[n.Op]
}

// setOf returns the words of a text.
func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}
