package command

import (
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

type savedModelJSON struct {
	SchemaVersion int64           `json:"schema_version"`
	Graphs        []metaGraphJSON `json:"graphs"`
}

type metaGraphJSON struct {
	Tags       []string                 `json:"tags"`
	TensorFlow string                   `json:"tensorflow_version"`
	Nodes      int                      `json:"nodes"`
	Functions  int                      `json:"functions"`
	Ops        []string                 `json:"ops"`
	Signatures map[string]signatureJSON `json:"signatures"`
}

type signatureJSON struct {
	Method  string                    `json:"method"`
	Inputs  map[string]tensorInfoJSON `json:"inputs"`
	Outputs map[string]tensorInfoJSON `json:"outputs"`
}

type tensorInfoJSON struct {
	Name  string  `json:"name"`
	DType string  `json:"dtype"`
	Shape []int64 `json:"shape"` // null: unknown rank; -1: any size
}

func modelJSON(sm *graphdef.SavedModel) savedModelJSON {
	j := savedModelJSON{SchemaVersion: sm.SavedModelSchemaVersion, Graphs: []metaGraphJSON{}}
	for _, mg := range sm.MetaGraphs {
		g := metaGraphJSON{
			Tags: append([]string{}, mg.GetMetaInfoDef().GetTags()...), TensorFlow: mg.GetMetaInfoDef().GetTensorflowVersion(),
			Nodes: len(mg.GetGraphDef().GetNode()), Functions: len(mg.GetGraphDef().GetLibrary().GetFunction()),
			Ops: append([]string{}, opdef.Used(mg.GraphDef)...), Signatures: map[string]signatureJSON{},
		}
		for key, s := range mg.SignatureDef {
			g.Signatures[key] = signatureJSON{Method: s.MethodName, Inputs: infosJSON(s.Inputs), Outputs: infosJSON(s.Outputs)}
		}
		j.Graphs = append(j.Graphs, g)
	}
	return j
}

func infosJSON(infos map[string]*graphdef.TensorInfo) map[string]tensorInfoJSON {
	m := map[string]tensorInfoJSON{}
	for name, t := range infos {
		shape, _ := nodedef.Dims(t.TensorShape)
		m[name] = tensorInfoJSON{Name: t.GetName(), DType: dtype.Name(t.Dtype), Shape: shape}
	}
	return m
}
