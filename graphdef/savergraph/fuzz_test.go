package savergraph

import (
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// FuzzPlan reads hostile graphs, from every node.
func FuzzPlan(f *testing.F) {
	for _, text := range []string{
		names + `node { name: "save" op: "SaveV2" input: "f" input: "names" input: "specs" input: "v" input: "v" }`,
		shardedSave + intNode("zero", 0) + intNode("one", 1) + intNode("two", 2) + tftest.PackedStringsNode("k0", "w") + tftest.PackedStringsNode("s0", "") + tftest.PackedStringsNode("k1", "a", "b") + tftest.PackedStringsNode("s1", "", ""),
		renamed(tftest.PackedStringsNode("keys", "v", "w")+tftest.PackedStringsNode("specs", "", ""), "save/r"),
		`node { name: "a" op: "Identity" input: "a" } node { name: "save" op: "SaveV2" input: "a" input: "a" input: "a" input: "" }`,
		tftest.StringsNodeOf("k", 99999999999, "") + `node { name: "r" op: "RestoreV2" input: "k" input: "k" input: "k" attr { key: "dtypes" value { list { type: DT_FLOAT } } } }`,
	} {
		var g graphdef.GraphDef
		if err := prototext.Unmarshal([]byte(text), &g); err != nil {
			f.Fatal(err)
		}
		data, err := proto.Marshal(&g)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var def graphdef.GraphDef
		if proto.Unmarshal(data, &def) != nil || len(def.Node) > 1000 {
			return
		}
		g := New(&def)
		inputs := 0
		for _, n := range def.Node {
			inputs += len(n.Input) + len(n.GetAttr()["dtypes"].GetList().GetType())
		}
		yielded := 0
		for r, err := range g.AllRestores() {
			yielded++
			if (err != nil) != (r.Output == "") {
				t.Fatalf("%v with %v", r, err)
			}
		}
		if limit := inputs + 2*len(def.Node); yielded > limit {
			t.Fatalf("%d restored tensors of %d nodes with %d inputs", yielded, len(def.Node), inputs)
		}
		ExtraneousNodes(&def, &graphdef.SaverDef{SaveTensorName: "save"})
		for _, n := range def.Node {
			save, err := g.Save(n.Name)
			if err != nil {
				save = &SavePlan{}
			}
			if len(save.Tensors) > inputs || save.Shards > len(def.Node) {
				t.Fatalf("%d tensors in %d shards of %d nodes with %d inputs", len(save.Tensors), save.Shards, len(def.Node), inputs)
			}
			for _, s := range save.Tensors {
				if s.Shard >= save.Shards {
					t.Fatalf("shard %d of %d", s.Shard, save.Shards)
				}
			}
			restored, _ := g.Restore(n.Name)
			g.SplitByTask(save, restored)
		}
	})
}
