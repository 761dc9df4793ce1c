package signature_test

import (
	"fmt"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
)

func Example() {
	const float = types_go_proto.DataType_DT_FLOAT
	sig, err := signature.Predict(
		map[string]*graphdef.TensorInfo{"x": signature.Dense("x:0", float, []int64{-1, 64})},
		map[string]*graphdef.TensorInfo{"y": signature.Dense("y:0", float, []int64{-1, 10})})
	fmt.Println(sig.GetMethodName(), err)
	_, err = signature.Regress(signature.Dense("x:0", float, nil), signature.Dense("y:0", float, nil))
	fmt.Println(err)
	fmt.Println(signature.CheckMethod(signature.New(nil, nil, "my method")))
	// Output:
	// tensorflow/serving/predict <nil>
	// check signature: invalid argument: the input of a regression must be of type string, not float32
	// check signature: invalid argument: unknown method name "my method"
}
