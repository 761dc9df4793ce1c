package nodedef_test

import (
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

func TestConstHasValueAndType(t *testing.T) {
	t.Parallel()
	value := &tensor_go_proto.TensorProto{Dtype: dtype.Int32, IntVal: []int32{7}}
	n := nodedef.Const("c", value)
	assert.Equal(t, "c", n.GetName())
	assert.Equal(t, "Const", n.GetOp())
	assert.Len(t, n.GetAttr(), 2)
	assert.Equal(t, dtype.Int32, n.GetAttr()["dtype"].GetType())
	assert.Same(t, value, n.GetAttr()["value"].GetTensor())
}
