package dtype_test

import (
	"fmt"

	"github.com/tfkeep/tfkeep/dtype"
)

func Example() {
	dt, _ := dtype.Parse("bfloat16")
	data := []byte{0x80, 0x3f, 0x00, 0xc0} // two elements, as a checkpoint has them
	values := make([]float64, len(data)/dtype.Size(dt))
	dtype.Float64s(dt, data, values)
	fmt.Println(dtype.Name(dt), values, dtype.ToBF16(-2) == 0xc000)
	// Output: bfloat16 [1 -2] true
}
