package signature_test

import (
	"fmt"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"github.com/tfkeep/tfkeep/graphdef/signature"
)

func Example() {
	const float = types_go_proto.DataType_DT_FLOAT
	sig, err := signature.Predict(
		map[string]*signature.TensorInfo{"x": signature.Dense("x:0", float, []int64{-1, 64})},
		map[string]*signature.TensorInfo{"y": signature.Dense("y:0", float, []int64{-1, 10})})
	fmt.Println(sig.GetMethodName(), err)
	_, err = signature.Regress(signature.Dense("x:0", float, nil), signature.Dense("y:0", float, nil))
	fmt.Println(err)
	fmt.Println(signature.Valid(signature.Build(nil, nil, "my method")))
	// Output:
	// tensorflow/serving/predict <nil>
	// signature: invalid: Regression input tensors must be of type string. Found tensor with dtype: float.
	// signature: invalid: unknown method name "my method"
}
