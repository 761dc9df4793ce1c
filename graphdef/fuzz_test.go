package graphdef_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/diff"
	"github.com/tfkeep/tfkeep/graphdef/edit"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
)

func seed(f *testing.F) {
	for _, m := range oneOfEach(f) {
		data, err := graphdef.MarshalBinary(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(marshalText(f, m))
	}
	data, err := graphdef.MarshalBinary(awkwardGraph(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("node { name: 'a' op: 'Enter' input: 'b' } node { name: 'b' op: 'Merge' input: ['a', '^b', 'c:2'] }"))
	f.Add([]byte(`meta_info_def { any_info { type_url: "a]b/tensorflow.SaverDef" value: " \003" } tags: "t" }`))
	f.Add([]byte("library { function { signature { name: 'f' } node_def { name: 'n' op: 'f' input: 'x:y:z' } ret { key: 'o' value: 'q' } } }"))
}

// FuzzRoundTrip writes whatever parses as text and as binary, and reads the same message
// back.
func FuzzRoundTrip(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := graphdef.Parse(data)
		if err != nil {
			return
		}
		kind := messageName(m)
		bin, err := graphdef.MarshalBinary(m)
		if err != nil {
			t.Fatal(err)
		}
		back, err := parseAs(kind, bin)
		if err != nil {
			t.Fatalf("%v in binary: %v", kind, err)
		}
		if !proto.Equal(m, back) {
			t.Fatalf("%v in binary changed", kind)
		}
		text, err := graphdef.MarshalText(m)
		if err != nil {
			return // it has a field that TensorFlow does not know
		}
		if back, err = parseAs(kind, text); err != nil {
			t.Fatalf("%v in text: %v\n%s", kind, err, text)
		}
		if !sameText(t, m, back) {
			t.Fatalf("%v in text changed", kind)
		}
	})
}

// sameText reports whether two messages are the same as text, which compares unknown fields
// in any order.
func sameText(t *testing.T, a, b proto.Message) bool {
	t.Helper()
	return string(marshalText(t, a)) == string(marshalText(t, b))
}

// FuzzTools runs every tool on any graph: none may panic or run forever.
func FuzzTools(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := graphdef.ParseGraphDef(data)
		if err != nil {
			return
		}
		_ = check.Graph(g, nil)
		_ = opdef.Unknown(g, nil)
		_ = opdef.StrippedList(g, nil)
		_ = savergraph.ExtraneousNodes(g, nil)
		_ = edit.RemoveTraining(g, nil)
		if len(diff.Graphs(g, proto.Clone(g).(*graphdef.GraphDef), &diff.Options{NaNEqual: true})) > 0 && unique(g) {
			t.Fatal("a graph differs from itself")
		}
		for _, n := range g.GetNode() {
			_, _ = opdef.OutputTypes(n, nil)
			_, _ = edit.Extract(g, []string{n.GetName()})
			_, _ = edit.StripUnused(g, []string{n.GetName()}, []string{n.GetName()}, nil)
			break
		}
		opdef.StripDefaults(g, nil)
		opdef.AddDefaults(g, nil)
		edit.ClearDevices(g)
		_ = edit.RenameScope(g, "a", "b")
	})
}

// unique reports whether the names of all nodes and functions are unique.
func unique(g *graphdef.GraphDef) bool {
	seen := map[string]bool{}
	for _, n := range g.GetNode() {
		if seen[n.GetName()] {
			return false
		}
		seen[n.GetName()] = true
	}
	functions := map[string]bool{}
	for _, fn := range g.GetLibrary().GetFunction() {
		if functions[fn.GetSignature().GetName()] {
			return false
		}
		functions[fn.GetSignature().GetName()] = true
		nodes := map[string]bool{}
		for _, n := range fn.GetNodeDef() {
			if nodes[n.GetName()] {
				return false
			}
			nodes[n.GetName()] = true
		}
	}
	return true
}
