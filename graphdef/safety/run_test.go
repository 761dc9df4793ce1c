package safety_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/safety"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// check runs Check on a graph in text form, with the target "main".
func check(t *testing.T, text string, r safety.Run) error {
	t.Helper()
	r.Doing = "testing"
	if r.Targets == nil {
		r.Targets = []string{"main"}
	}
	return r.Check(tftest.ParseGraph(t, text))
}

const evilFunction = `function { signature { name: "evil" } node_def { name: "w" op: "WriteFile" input: "a" input: "b" } }`

func callOf(name string) string {
	return `node { name: "main" op: "PartitionedCall" attr { key: "f" value { func { name: "` + name + `" } } } } `
}

// Whatever way leads to a refused op, it is found.
func TestRunFollowsEveryCall(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, graph string }{
		{"the target itself", `node { name: "main" op: "WriteFile" input: "a" input: "b" }`},
		{"a data input", `node { name: "main" op: "Identity" input: "x:0" } node { name: "x" op: "ReadFile" input: "a" }`},
		{"a control input", `node { name: "main" op: "NoOp" input: "^x" } node { name: "x" op: "Abort" }`},
		{"a function as an op", `node { name: "main" op: "evil" } library { ` + evilFunction + ` }`},
		{"a call", callOf("evil") + `library { ` + evilFunction + ` }`},
		{"three calls deep", callOf("a") + `library { ` + evilFunction + `
			function { signature { name: "a" } node_def { name: "n" op: "b" } }
			function { signature { name: "b" } node_def { name: "n" op: "StatefulPartitionedCall" attr { key: "f" value { func { name: "evil" } } } } } }`},
		{"a list of branches", `node { name: "main" op: "Case" attr { key: "branches" value { list { func { name: "good" } func { name: "evil" } } } } }
			library { function { signature { name: "good" } } ` + evilFunction + ` }`},
		{"an attribute of an attribute", `node { name: "main" op: "PartitionedCall" attr { key: "f" value { func { name: "told" attr { key: "g" value { func { name: "evil" } } } } } } }
			library { function { signature { name: "told" } node_def { name: "n" op: "PartitionedCall" attr { key: "f" value { placeholder: "g" } } } } ` + evilFunction + ` }`},
		{"the default of an attribute", callOf("told") + `library { function { signature { name: "told" attr { name: "g" type: "func" default_value { func { name: "evil" } } } }
			node_def { name: "n" op: "PartitionedCall" attr { key: "f" value { placeholder: "g" } } } } ` + evilFunction + ` }`},
		{"an implementation of the same interface", callOf("good") + `library {
			function { signature { name: "good" } attr { key: "api_implements" value { s: "x" } } }
			function { signature { name: "evil" } attr { key: "api_implements" value { s: "x" } } node_def { name: "w" op: "Abort" } } }`},
		{"a gradient", `node { name: "main" op: "SymbolicGradient" attr { key: "f" value { func { name: "good" } } } } library {
			function { signature { name: "good" } } ` + evilFunction + ` gradient { function_name: "good" gradient_func: "evil" } }`},
		{"a loop's condition", `node { name: "main" op: "While" attr { key: "cond" value { func { name: "evil" } } } attr { key: "body" value { func { name: "good" } } } }
			library { function { signature { name: "good" } } ` + evilFunction + ` }`},
		{"an op that nobody has reviewed", `node { name: "main" op: "OpOfTensorFlow9" }`},
		{"a function of another file", callOf("elsewhere")},
		{"a function with the name of an op", `node { name: "main" op: "ControlTrigger" } library { function { signature { name: "ControlTrigger" } } }`},
		{"a handle as a constant", `node { name: "main" op: "Const" attr { key: "dtype" value { type: DT_RESOURCE } } }`},
		{"an object as a constant", `node { name: "main" op: "Const" attr { key: "value" value { tensor { dtype: DT_VARIANT } } } }`},
		{"a sampler of a file", `node { name: "main" op: "FixedUnigramCandidateSampler" attr { key: "vocab_file" value { s: "/etc/passwd" } } }`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := check(t, c.graph, safety.Run{})
			require.ErrorIs(t, err, tfkeep.ErrUnsafe)
			assert.ErrorContains(t, err, "testing would run what is refused: ")
			require.Error(t, check(t, c.graph, safety.Run{Call: true}), "a caller must not either")
		})
	}
}

func TestRunAllowsWhatItNames(t *testing.T) {
	t.Parallel()
	graph := `node { name: "main" op: "NoOp" input: "^x" } node { name: "x" op: "Abort" }`
	require.Error(t, check(t, graph, safety.Run{Allow: []string{"ReadFile"}}))
	require.NoError(t, check(t, graph, safety.Run{Allow: []string{"Abort"}}))
}

func TestRunSkipsWhatIsNotReached(t *testing.T) {
	t.Parallel()
	graph := `node { name: "main" op: "Identity" input: "x:1" } node { name: "x" op: "ReadFile" input: "y" } node { name: "z" op: "Abort" }`
	require.NoError(t, check(t, graph, safety.Run{Fed: []string{"x:1"}}))
	require.Error(t, check(t, graph, safety.Run{Fed: []string{"x:0"}}), "another output is fed")
	control := `node { name: "main" op: "NoOp" input: "^x" } node { name: "x" op: "ReadFile" input: "y" }`
	require.Error(t, check(t, control, safety.Run{Fed: []string{"x"}}), "a control input runs a node whose output is fed")
	require.NoError(t, check(t, `node { name: "main" op: "Conv2D" }`, safety.Run{Call: true}))
	require.Error(t, check(t, `node { name: "main" op: "Conv2D" }`, safety.Run{}), "only callers run it")
	require.NoError(t, check(t, `node { name: "main" op: "FixedUnigramCandidateSampler" }`, safety.Run{Call: true}))
}

// Every refused op is found three functions deep.
func TestEveryRefusedOpIsFound(t *testing.T) {
	t.Parallel()
	for _, op := range opdef.Builtin().Names() {
		if verdict, _ := safety.Lookup(op); verdict != safety.Refuse {
			continue
		}
		err := check(t, callOf("a")+`library { function { signature { name: "a" } node_def { name: "n" op: "b" } }
			function { signature { name: "b" } node_def { name: "n" op: "c" } }
			function { signature { name: "c" } node_def { name: "n" op: "`+op+`" } } }`, safety.Run{Call: true})
		require.ErrorContains(t, err, op)
	}
}

const tableFunction = `function { signature { name: "init" input_arg { name: "table" type: DT_RESOURCE } input_arg { name: "file" type: DT_STRING } }
	node_def { name: "i" op: "Identity" input: "file" }
	node_def { name: "t" op: "InitializeTableFromTextFileV2" input: "table" input: "i:output:0" } }`

func TestTablesTakeOnlyAssets(t *testing.T) {
	t.Parallel()
	table := `node { name: "table" op: "HashTableV2" } node { name: "asset" op: "Unpack" } node { name: "other" op: "Const" } `
	fill := func(file string) string {
		return table + `node { name: "main" op: "InitializeTableFromTextFileV2" input: "table" input: "` + file + `" } `
	}
	call := func(file string) string {
		return `node { name: "main" op: "StatefulPartitionedCall" input: "table" input: "` + file + `" attr { key: "f" value { func { name: "init" } } } } `
	}
	library := `library { ` + tableFunction + ` } `
	variable := func(name, extra string) string {
		return fill("read") + `node { name: "v" op: "VarHandleOp" attr { key: "shared_name" value { s: "` + name + `" } } }
			node { name: "assign" op: "AssignVariableOp" input: "v" input: "asset:1" }
			node { name: "read" op: "ReadVariableOp" input: "v" input: "^assign" input: "^extra" } ` + extra
	}
	nothing := `node { name: "extra" op: "NoOp" }`
	for _, c := range []struct {
		name, graph string
		ok          bool
	}{
		{"an asset", fill("asset:1"), true},
		{"another output of its node", fill("asset"), false},
		{"another file", fill("other"), false},
		{"by way of an Identity", fill("i") + `node { name: "i" op: "Identity" input: "asset:1" }`, true},
		{"by way of another op", fill("i") + `node { name: "i" op: "StringLower" input: "asset:1" } node { name: "asset" op: "Unpack" }`, false},
		{"in a function", table + call("asset:1") + library, true},
		{"in a function, another file", table + call("other") + library, false},
		{"in a function, by two calls", table + call("asset:1") + `node { name: "again" op: "init" input: "table" input: "other" } ` + library + strings.Replace(call("asset:1"), `"main"`, `"x"`, 1), true},
		{"in a function that is called in another way too", table + strings.Replace(call("asset:1"), `input: "table"`, `input: "table"`, 1) + `
			node { name: "if" op: "If" input: "other" input: "table" input: "other" attr { key: "then_branch" value { func { name: "init" } } } } ` + library, true},
		{"in a variable", variable("v", nothing), true},
		{"in a variable without a name", variable("", nothing), false},
		{"in a variable with a second handle", variable("v", `node { name: "w" op: "VarHandleOp" attr { key: "shared_name" value { s: "v" } } }
			node { name: "extra" op: "AssignVariableOp" input: "w" input: "other" }`), false},
		{"in a variable with a handle in a function", variable("v", `node { name: "extra" op: "f" } library { function { signature { name: "f" }
			node_def { name: "w" op: "VarHandleOp" attr { key: "shared_name" value { s: "v" } } } } }`), false},
		{"in a variable with a handle of any name", variable("v", `node { name: "extra" op: "f" } library { function { signature { name: "f" }
			node_def { name: "w" op: "VarHandleOp" attr { key: "shared_name" value { placeholder: "p" } } } } }`), false},
		{"in a variable that is assigned twice", variable("v", `node { name: "extra" op: "AssignVariableOp" input: "v" input: "other" }`), false},
		{"in a variable whose handle is passed on", variable("v", `node { name: "h" op: "Identity" input: "v" } node { name: "extra" op: "AssignVariableOp" input: "h" input: "other" }`), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := check(t, c.graph, safety.Run{Assets: []string{"asset:1"}})
			if c.ok {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, "it fills a table from a file that is not an asset")
			}
		})
	}
	both := table + call("asset:1") + `node { name: "again" op: "init" input: "table" input: "other" } ` + library
	require.Error(t, check(t, both, safety.Run{Assets: []string{"asset:1"}, Targets: []string{"main", "again"}}), "the calls of a function do not agree")
}

func TestRestoreReadsOnlyTheCheckpoint(t *testing.T) {
	t.Parallel()
	restore := func(file string) string {
		return `node { name: "path" op: "Placeholder" } node { name: "other" op: "Const" } node { name: "main" op: "RestoreV2" input: "` + file + `" input: "other" input: "other" }`
	}
	require.NoError(t, check(t, restore("path"), safety.Run{Checkpoint: "path:0"}))
	require.ErrorContains(t, check(t, restore("other"), safety.Run{Checkpoint: "path:0"}), "it reads a file that is not the checkpoint")
	require.Error(t, check(t, restore("path"), safety.Run{}), "Go feeds the values")
}

func TestErrorNamesTenNodes(t *testing.T) {
	t.Parallel()
	graph := `node { name: "main" op: "NoOp"`
	for i := range 12 {
		graph += fmt.Sprintf(` input: "^n%d"`, i)
	}
	graph += ` }`
	for i := range 12 {
		graph += fmt.Sprintf(` node { name: "n%d" op: "Abort" }`, i)
	}
	err := check(t, graph, safety.Run{})
	assert.ErrorContains(t, err, "n9 (Abort): it ends the process; and 2 more; name these ops in AllowOps")
	var all *safety.Error
	require.ErrorAs(t, err, &all)
	assert.Len(t, all.Findings, 12)
}

func TestPlanNamesStages(t *testing.T) {
	t.Parallel()
	mg, err := graphdef.ParseMetaGraphDef([]byte(`
		graph_def { node { name: "a" op: "Abort" } node { name: "r" op: "ReadFile" input: "c" } node { name: "c" op: "Const" } node { name: "p" op: "PrintV2" input: "c" }
			node { name: "restore" op: "NoOp" input: "^r" } node { name: "y" op: "Identity" input: "q" } node { name: "q" op: "QueueDequeueV2" } node { name: "train" op: "PyFunc" } }
		saver_def { restore_op_name: "restore" filename_tensor_name: "c:0" }
		collection_def { key: "saved_model_main_op" value { node_list { value: "a" } } }
		collection_def { key: "saved_model_train_op" value { node_list { value: "train" } } }
		signature_def { key: "serve" value { outputs { key: "y" value { name: "y:0" } } } }`))
	require.NoError(t, err)
	plan, err := safety.NewPlan(mg)
	require.NoError(t, err)
	assert.Equal(t, "a", plan.InitOp())
	var stages []string
	for _, f := range plan.Findings(nil) {
		stages = append(stages, f.Stage+": "+f.Op)
	}
	assert.Equal(t, []string{"restore: ReadFile", "initialization: Abort", "signature serve: QueueDequeueV2", "training: PyFunc"}, stages)
	assert.Len(t, plan.Findings(&safety.ImportOptions{Allow: []string{"Abort", "PyFunc"}}), 2)
}

func TestPlanRefusesContradictions(t *testing.T) {
	t.Parallel()
	const node = ` graph_def { node { name: "a" op: "NoOp" } }`
	for _, c := range []struct {
		name, meta string
		want       error
	}{
		{"two init ops", `collection_def { key: "legacy_init_op" value { node_list { value: "a" value: "b" } } }`, tfkeep.ErrCorrupt},
		{"an asset that is none", `collection_def { key: "saved_model_assets" value { any_list { value { value: "\377" } } } }`, tfkeep.ErrCorrupt},
		{"two files for a tensor", `asset_file_def { tensor_info { name: "a" } filename: "x" } asset_file_def { tensor_info { name: "a:0" } filename: "y" }`, tfkeep.ErrUnsafe},
	} {
		mg, err := graphdef.ParseMetaGraphDef([]byte(c.meta + node))
		require.NoError(t, err)
		_, err = safety.NewPlan(mg)
		require.ErrorIs(t, err, c.want, c.name)
	}
	mg, err := graphdef.ParseMetaGraphDef([]byte(`asset_file_def { tensor_info { name: "a" } filename: "x" } asset_file_def { tensor_info { name: "a:0" } filename: "x" }` + node))
	require.NoError(t, err)
	plan, err := safety.NewPlan(mg)
	require.NoError(t, err)
	assert.Len(t, plan.Assets(), 1, "TensorFlow lists the file of a table twice")
}
