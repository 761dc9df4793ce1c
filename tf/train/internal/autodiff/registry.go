package autodiff

import "strings"

// stops are the operations through which Python passes no gradient.
var stops = set(`
	ApproximateEqual ArgMax ArgMin AsString Assert Assign AssignAdd AssignSub AudioMicrofrontend
	AudioSummary AudioSummaryV2 BitwiseAnd BitwiseOr BitwiseXor BroadcastGradientArgs
	CTCBeamSearchDecoder CTCGreedyDecoder Ceil ConcatOffset Const DeleteSessionTensor
	DenseToDenseSetOperation DenseToSparseSetOperation DrawBoundingBoxes EditDistance Equal
	ExtractGlimpse FakeQuantWithMinMaxArgsGradient FakeQuantWithMinMaxVarsGradient
	FakeQuantWithMinMaxVarsPerChannelGradient FixedLengthRecordReader Floor FloorDiv
	GenerateBoundingBoxProposals GenerateVocabRemapping GetSessionHandle GetSessionHandleV2
	GetSessionTensor Greater GreaterEqual HSVToRGB HistogramSummary IdentityReader ImageSummary Invert
	InvertPermutation LMDBReader LeftShift Less LessEqual LinSpace LoadAndRemapMatrix LogicalAnd
	LogicalNot LogicalOr MergeSummary Multinomial NonMaxSuppression NonMaxSuppressionV2
	NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5 NonMaxSuppressionWithOverlaps NotEqual
	OneHot OnesLike ParameterizedTruncatedNormal ParseTensor PopulationCount PyFunc PyFuncStateless
	QueueClose QueueDequeue QueueDequeueMany QueueDequeueUpTo QueueEnqueue QueueEnqueueMany QueueSize
	RaggedRange RandomCrop RandomIndexShuffle RandomShuffle RandomStandardNormal RandomUniform Range
	Rank RegexReplace ResizeBilinearGrad RightShift Rint Round SampleDistortedBoundingBox
	SampleDistortedBoundingBoxV2 ScalarSummary SetSize Shape ShapeN Size SparseAddGrad SparseConcat
	SparseMatrixNNZ SparseMatrixZeros SparseToSparseSetOperation Stack StackClose StackCloseV2
	StackPop StackPopV2 StackPush StackPushV2 StackV2 StatelessMultinomial StatelessRandomBinomial
	StatelessRandomNormal StatelessRandomNormalV2 StatelessRandomPoisson StatelessRandomUniform
	StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2 StatelessRandomUniformInt
	StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessTruncatedNormal
	StatelessTruncatedNormalV2 StopGradient StringJoin StringSplit StringToHashBucket
	StringToHashBucketFast StringToHashBucketStrong StringToNumber TFRecordReader TensorArray
	TensorArrayClose TensorArrayCloseV2 TensorArrayCloseV3 TensorArrayGrad TensorArrayGradV2
	TensorArrayGradV3 TensorArrayGradWithShape TensorArraySize TensorArraySizeV2 TensorArraySizeV3
	TensorArrayV2 TensorArrayV3 TensorSummary TensorSummaryV2 TextLineReader Timestamp TruncateDiv
	TruncatedNormal VarIsInitializedOp VariableShape WholeFileReader ZerosLike
`)

// controlFlowOps are the operations of loops and conditionals of TensorFlow 1.
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
