package safety

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/internal/ports"
)

//go:generate go run ../../scripts/shapereads -o reads.txt

// readsText lists the arguments of ops whose values TensorFlow looks at when it infers
// shapes.
//
//go:embed reads.txt
var readsText string

// measured is what reads.txt says about an op: the arguments whose values TensorFlow looks
// at, or that it ends the process for some shapes of the inputs.
type measured struct {
	args    []int
	crashes bool
}

// shapeReads has the measurements. An op that was not measured is missing.
var shapeReads = sync.OnceValue(func() map[string]measured {
	reads := map[string]measured{}
	for line := range strings.Lines(readsText) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		m := measured{crashes: fields[len(fields)-1] == "crash"}
		for _, field := range fields[1:] {
			if i, err := strconv.Atoi(field); err == nil {
				m.args = append(m.args, i)
			}
		}
		reads[fields[0]] = m
	}
	return reads
})

// looksAt reports whether TensorFlow may look at the value of input i of a node, which
// would run the culprit. For a culprit that reaches out, a measurement is not enough: the
// op must also be one of quiet, which somebody has reviewed. partly means that not all
// inputs of the node are constant.
func (f *folder) looksAt(n *graphdef.NodeDef, i int, partly bool, c *culprit) bool {
	switch n.GetOp() {
	case "Pack", "Concat", "ConcatV2":
		// If all inputs are constant, then so is the output, which the reader of the output
		// finds. Otherwise TensorFlow evaluates the constant inputs one by one.
		if partly {
			return true
		}
	}
	if c.reaches && !quiet[n.GetOp()] {
		return true
	}
	m, ok := shapeReads()[n.GetOp()]
	if !ok || m.crashes {
		return !quiet[n.GetOp()]
	}
	if len(m.args) == 0 {
		return false
	}
	op := f.ops.Get(n.GetOp())
	for arg, def := range op.GetInputArg() {
		count, err := ports.Count(n, op, []*ports.Arg{def})
		if err != nil {
			return true
		}
		if i < count {
			return slices.Contains(m.args, arg)
		}
		i -= count
	}
	return true
}

// quiet has the ops that trainings apply to the content of files. Their shapes depend on
// the values of no other inputs than the listed ones of shapeReads.
var quiet = func() map[string]bool {
	ops := map[string]bool{}
	for _, op := range strings.Fields(`
		Identity IdentityN StopGradient PreventGradient Print Assert Cast Shape ShapeN Size Rank NoOp
		DecodeAndCropJpeg DecodeBmp DecodeCompressed DecodeGif DecodeImage DecodeJpeg DecodePng DecodeWav DecodeWebP
		DecodeRaw DecodeBase64 DecodeJSONExample DecodeCSV ExtractJpegShape ParseTensor
		ParseExample ParseExampleV2 ParseSingleExample ParseSequenceExample ParseSequenceExampleV2 ParseSingleSequenceExample
		StringSplit StringSplitV2 StringToNumber StringJoin StringLength StringLower StringUpper StringStrip Substr
		StringToHashBucket StringToHashBucketFast RegexReplace StaticRegexReplace RegexFullMatch StaticRegexFullMatch
		Add AddV2 AddN Sub Mul Div RealDiv FloorDiv FloorMod Maximum Minimum Neg Abs Sqrt Rsqrt Square Floor Ceil Round Exp Log
		Equal NotEqual Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr LogicalNot Select SelectV2
		Assign AssignVariableOp RandomShuffle AdjustContrastv2 AdjustHue AdjustSaturation RGBToHSV HSVToRGB
		ExpandDims Squeeze Reshape Transpose Slice StridedSlice Pad PadV2 Tile Pack Unpack Concat ConcatV2 Split GatherV2 Gather
		ReverseV2 Mean Sum Max Min Prod ArgMax OneHot Where
		ResizeBilinear ResizeNearestNeighbor ResizeBicubic ResizeArea CropAndResize
		FIFOQueue FIFOQueueV2 QueueEnqueue QueueEnqueueV2 QueueEnqueueMany QueueEnqueueManyV2
		TensorDataset TensorSliceDataset TextLineDataset TFRecordDataset FixedLengthRecordDataset ShuffleDatasetV3
		ReadFile MatchingFiles WriteFile Conv2D MatMul BiasAdd Relu Switch
		PyFunc PyFuncStateless EagerPyFunc HistogramSummary ImageSummary ScalarSummary AudioSummaryV2`) {
		ops[op] = true
	}
	return ops
}()
