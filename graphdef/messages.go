package graphdef

import (
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/variable_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/versions_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
)

// The messages that the packages of this module work on, under the names that
// TensorFlow gives them, so that a caller imports one package and not ten generated
// ones.
type (
	GraphDef           = graph_go_proto.GraphDef
	NodeDef            = node_def_go_proto.NodeDef
	AttrValue          = attr_value_go_proto.AttrValue
	FunctionDef        = function_go_proto.FunctionDef
	FunctionDefLibrary = function_go_proto.FunctionDefLibrary
	OpDef              = op_def_go_proto.OpDef
	OpList             = op_def_go_proto.OpList
	TensorShapeProto   = tensor_shape_go_proto.TensorShapeProto
	VersionDef         = versions_go_proto.VersionDef
	VariableDef        = variable_go_proto.VariableDef

	MetaGraphDef  = for_core_protos_go_proto.MetaGraphDef
	MetaInfoDef   = for_core_protos_go_proto.MetaGraphDef_MetaInfoDef
	CollectionDef = for_core_protos_go_proto.CollectionDef
	SaverDef      = for_core_protos_go_proto.SaverDef
	SignatureDef  = for_core_protos_go_proto.SignatureDef
	TensorInfo    = for_core_protos_go_proto.TensorInfo
	SavedModel    = for_core_protos_go_proto.SavedModel
)
