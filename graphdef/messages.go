package graphdef

import (
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/variable_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
)

// These are the messages that the packages of this module work on, under the names that
// TensorFlow gives them, so that a caller imports one package and not ten generated ones.
type (
	// GraphDef is a graph: nodes, functions, versions.
	GraphDef = graph_go_proto.GraphDef
	// NodeDef is a node of a graph or a function.
	NodeDef = node_def_go_proto.NodeDef
	// AttrValue is the value of a node's attribute.
	AttrValue = attr_value_go_proto.AttrValue
	// FunctionDef is a function of a graph's library.
	FunctionDef = function_go_proto.FunctionDef
	// OpDef is the definition of an op.
	OpDef = op_def_go_proto.OpDef
	// OpList is a list of op definitions.
	OpList = op_def_go_proto.OpList
	// TensorProto is the value of a tensor.
	TensorProto = tensor_go_proto.TensorProto
	// VariableDef is a variable in a collection.
	VariableDef = variable_go_proto.VariableDef

	// MetaGraphDef is a graph with its variables, collections, saver and signatures.
	MetaGraphDef = for_core_protos_go_proto.MetaGraphDef
	// MetaInfoDef has a meta graph's tags, ops and TensorFlow version.
	MetaInfoDef = for_core_protos_go_proto.MetaGraphDef_MetaInfoDef
	// SaverDef names the nodes of a Saver.
	SaverDef = for_core_protos_go_proto.SaverDef
	// SignatureDef has the inputs and outputs that a model offers.
	SignatureDef = for_core_protos_go_proto.SignatureDef
	// TensorInfo is an input or output of a signature.
	TensorInfo = for_core_protos_go_proto.TensorInfo
	// SavedModel has the meta graphs of a model.
	SavedModel = for_core_protos_go_proto.SavedModel
)
