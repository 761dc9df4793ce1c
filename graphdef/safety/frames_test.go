package safety_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	limits "github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/safety"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// frameLoop is a loop of TensorFlow 1 from zero to a number, with a condition and a second
// value that starts as x; next makes its value for the next iteration of "v".
func frameLoop(to int, cond, next string) string {
	const i32 = ` attr { key: "T" value { type: DT_INT32 } } `
	node := func(name, op, inputs string) string {
		return `node { name: "` + name + `" op: "` + op + `" ` + inputs + i32 + `} `
	}
	variable := func(name, start, next string) string {
		return node(name+"/enter", "Enter", `input: "`+start+`" attr { key: "frame_name" value { s: "f" } }`) +
			node(name+"/merge", "Merge", `input: "`+name+`/enter" input: "`+name+`/next" attr { key: "N" value { i: 2 } }`) +
			node(name+"/switch", "Switch", `input: "`+name+`/merge" input: "cond"`) +
			node(name, "Identity", `input: "`+name+`/switch:1"`) +
			node(name+"/next", "NextIteration", `input: "`+next+`"`)
	}
	return intConst("x", "dim { size: 8 }", 1) + intConst("zero", "", 0) + intConst("one", "", 1) + intConst("axis", "", 0) + intConst("n", "", to) +
		variable("i", "zero", "add") + variable("v", "x", "then") +
		node("to", "Enter", `input: "n" attr { key: "frame_name" value { s: "f" } } attr { key: "is_constant" value { b: true } }`) +
		node("less", "Less", `input: "i/merge" input: "to"`) + cond + `node { name: "cond" op: "LoopCond" input: "test" } ` +
		node("add", "AddV2", `input: "i" input: "one"`) + next + node("main", "Exit", `input: "v/switch"`)
}

func TestRunBoundsLoopsOfTensorFlow1(t *testing.T) {
	t.Parallel()
	const (
		less = `node { name: "test" op: "Identity" input: "less" attr { key: "T" value { type: DT_BOOL } } } `
		both = `node { name: "test" op: "LogicalAnd" input: "flag" input: "less" } node { name: "flag" op: "VarIsInitializedOp" input: "h" } `
		flag = `node { name: "test" op: "VarIsInitializedOp" input: "h" } `
		same = `node { name: "then" op: "Neg" input: "v" attr { key: "T" value { type: DT_INT32 } } } `
		flat = `node { name: "then" op: "ExpandDims" input: "v" input: "axis" attr { key: "T" value { type: DT_INT32 } } } `
		grow = `node { name: "then" op: "ConcatV2" input: "v" input: "v" input: "axis" ` + growTypes + ` } `
	)
	for _, c := range []struct{ name, graph, says string }{
		{"a loop that counts", frameLoop(10, less, same), ""},
		{"a loop that counts, or ends before", frameLoop(10, both, same), ""},
		{"a long loop", frameLoop(1<<31-1, less, same), "Limits.Nodes"},
		{"a condition of something else", frameLoop(10, flag, same), "how often this loop runs"},
		{"a value that grows", frameLoop(10, less, grow), "may grow"},
		{"a value that is reshaped", frameLoop(10, less, flat), "change its shape"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := tftest.ParseGraph(t, c.graph)
			r := &safety.Run{Stage: "initialization", Doing: "initializing the model", Targets: []string{"main"}, Limits: &limits.Limits{Bytes: 64 << 20}}
			err := r.Check(g)
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tfkeep.ErrTooLarge)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

// If it is not known which branch is taken, the larger one counts.
func TestRunBoundsTheLargerBranch(t *testing.T) {
	t.Parallel()
	const keeps = `function { signature { name: "keeps" input_arg { name: "x" type: DT_INT32 } output_arg { name: "y" type: DT_INT32 } }
		node_def { name: "n" op: "Neg" input: "x" attr { key: "T" value { type: DT_INT32 } } } ret { key: "y" value: "n:y:0" } } }`
	branches := `op: "If" input: "p" input: "%s" attr { key: "then_branch" value { func { name: "double" } } } attr { key: "else_branch" value { func { name: "keeps" } } }`
	library := doubles[:len(doubles)-1] + keeps
	unknown := `node { name: "p" op: "VarIsInitializedOp" input: "h" } `
	for _, c := range []struct {
		name, predicate string
		large           bool
	}{
		{"not known", unknown, true},
		{"the large one", intConst("p", "", 1), true},
		{"the small one", intConst("p", "", 0), false},
	} {
		r := &safety.Run{Stage: "initialization", Doing: "initializing the model", Targets: []string{"main"}, Limits: &limits.Limits{Bytes: 64 << 20}}
		err := r.Check(tftest.ParseGraph(t, intConst("x", "dim { size: 1024 }", 1)+c.predicate+rows(17, branches)+library))
		if c.large {
			require.ErrorIs(t, err, tfkeep.ErrTooLarge, c.name)
		} else {
			require.NoError(t, err, c.name)
		}
	}
}

// A write far behind the end of an array makes room for all elements before it.
func TestRunBoundsIndicesOfArrays(t *testing.T) {
	t.Parallel()
	for at, large := range map[int]bool{1000: false, 1 << 30: true} {
		g := tftest.ParseGraph(t, intConst("size", "", 1)+intConst("at", "", at)+intConst("x", "", 1)+
			`node { name: "a" op: "TensorArrayV3" input: "size" attr { key: "dtype" value { type: DT_INT32 } } attr { key: "dynamic_size" value { b: true } } }
			node { name: "main" op: "TensorArrayWriteV3" input: "a" input: "at" input: "x" input: "a:1" attr { key: "T" value { type: DT_INT32 } } }`)
		r := &safety.Run{Stage: "initialization", Doing: "initializing the model", Targets: []string{"main"}, Limits: &limits.Limits{Bytes: 64 << 20}}
		if err := r.Check(g); large {
			require.ErrorIs(t, err, tfkeep.ErrTooLarge, at)
		} else {
			require.NoError(t, err, at)
		}
	}
}
