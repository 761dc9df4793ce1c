package autodiff

import "strings"

// libraryGradients are the operations that TF_AddGradients differentiates, as in the
// gradient registry of TensorFlow 2.21. An older library that lacks one reports it; see
// libraryError.
var libraryGradients = set(`
	Abs Acos Acosh Add AddN AddV2 Angle Asin Asinh Atan Atan2 Atanh AvgPool AvgPool3D BatchMatMul
	BatchMatMulV2 BatchMatMulV3 BatchToSpace BatchToSpaceND BiasAdd BroadcastTo Cast CheckNumerics
	ClipByValue Complex ConcatV2 Conj Conv2D Conv2DBackpropInput Cos Cosh CropAndResize Cumsum
	DepthToSpace DepthwiseConv2dNative Diag DiagPart Div DivNoNan DynamicPartition DynamicStitch Einsum
	Elu Erf Erfinv Exp ExpandDims Expm1 Fill FractionalAvgPool FractionalMaxPool FusedBatchNormV3
	GatherNd GatherV2 Identity Imag Inv L2Loss LRN LeakyRelu LeakyReluGrad Lgamma Log Log1p LogSoftmax
	MatMul MatrixBandPart MatrixDiag Max MaxPool MaxPool3D MaxPoolV2 Maximum Mean Min Minimum MirrorPad
	MirrorPadGrad Mul Ndtri Neg Pack Pad PadV2 ParallelDynamicStitch Pow Prod
	QuantizeAndDequantize QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 ReadVariableOp Real RealDiv
	Reciprocal RefIdentity Relu Relu6 Reshape ResizeBicubic ResizeBilinear ResizeNearestNeighbor
	ReverseSequence ReverseV2 Roll Rsqrt ScaleAndTranslate ScatterNd ScatterNdNonAliasingAdd SegmentSum
	Select SelectV2 Selu Sigmoid Sign Sin Sinh Slice Softmax SoftmaxCrossEntropyWithLogits Softplus
	Softsign SpaceToBatch SpaceToBatchND SpaceToDepth Split SplitV Sqrt Square SquaredDifference
	Squeeze StridedSlice Sub Sum Tan Tanh Tile Transpose Unpack
	UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentSum
`)

// libraryStops are the operations that the registry marks as not differentiable: the
// library passes no gradient through them.
var libraryStops = set(`
	ApproximateEqual BroadcastGradientArgs ConcatOffset Const DeleteSessionTensor EditDistance Equal
	Floor GetSessionHandle GetSessionHandleV2 GetSessionTensor Greater GreaterEqual InvertPermutation
	Less LessEqual LogicalAnd LogicalNot LogicalOr NonMaxSuppression NonMaxSuppressionV2
	NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5 NotEqual OneHot QueueClose QueueDequeue
	QueueDequeueMany QueueDequeueUpTo QueueEnqueue QueueEnqueueMany QueueSize Rank Shape ShapeN Size
	Stack StackClose StackPop StackPush StopGradient ZerosLike
`)

// pythonStops are more operations through which Python passes no gradient. The C API does
// not know this, so it must not meet them.
var pythonStops = set(`
	ArgMax ArgMin AsString Assert Assign AssignAdd AssignSub AudioMicrofrontend AudioSummary
	AudioSummaryV2 BitwiseAnd BitwiseOr BitwiseXor CTCBeamSearchDecoder CTCGreedyDecoder Ceil
	DenseToDenseSetOperation DenseToSparseSetOperation DrawBoundingBoxes ExtractGlimpse
	FakeQuantWithMinMaxArgsGradient FakeQuantWithMinMaxVarsGradient
	FakeQuantWithMinMaxVarsPerChannelGradient FixedLengthRecordReader FloorDiv
	GenerateBoundingBoxProposals GenerateVocabRemapping HSVToRGB HistogramSummary IdentityReader
	ImageSummary Invert LMDBReader LeftShift LinSpace LoadAndRemapMatrix MergeSummary Multinomial
	NonMaxSuppressionWithOverlaps OnesLike ParameterizedTruncatedNormal ParseTensor PopulationCount
	PyFunc PyFuncStateless RaggedRange RandomCrop RandomIndexShuffle RandomShuffle RandomStandardNormal
	RandomUniform Range RegexReplace ResizeBilinearGrad RightShift Rint Round
	SampleDistortedBoundingBox SampleDistortedBoundingBoxV2 ScalarSummary SetSize SparseAddGrad
	SparseConcat SparseMatrixNNZ SparseMatrixZeros SparseToSparseSetOperation StatelessMultinomial
	StatelessRandomBinomial StatelessRandomNormal StatelessRandomNormalV2 StatelessRandomPoisson
	StatelessRandomUniform StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2
	StatelessRandomUniformInt StatelessRandomUniformIntV2 StatelessRandomUniformV2
	StatelessTruncatedNormal StatelessTruncatedNormalV2 StringJoin StringSplit StringToHashBucket
	StringToHashBucketFast StringToHashBucketStrong StringToNumber TFRecordReader TensorSummary
	TensorSummaryV2 TextLineReader Timestamp TruncateDiv TruncatedNormal VarIsInitializedOp
	StackCloseV2 StackPopV2 StackPushV2 StackV2 TensorArray TensorArrayClose TensorArrayCloseV2
	TensorArrayCloseV3 TensorArrayGrad TensorArrayGradV2 TensorArrayGradV3 TensorArrayGradWithShape
	TensorArraySize TensorArraySizeV2 TensorArraySizeV3 TensorArrayV2 TensorArrayV3
	VariableShape WholeFileReader
`)

// controlFlowOps are operations at which TF_AddGradients ends the process (Exit, Merge), or
// that have no gradient without the functions that Python makes for them.
var controlFlowOps = set(`
	Enter RefEnter Exit RefExit Switch RefSwitch Merge RefMerge NextIteration RefNextIteration LoopCond
`)

func set(names string) map[string]bool {
	s := make(map[string]bool)
	for _, name := range strings.Fields(names) {
		s[name] = true
	}
	return s
}
