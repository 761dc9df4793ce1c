package npy_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/npy"
)

func Example() {
	var file bytes.Buffer
	w := npy.NewArchiveWriter(&file)
	half := []byte{0x00, 0x3f, 0x00, 0xbf} // 0.5 and -0.5 as bfloat16
	if err := w.Add("bias", dtype.BFloat16, []int64{2}, bytes.NewReader(half)); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	a, err := npy.NewArchive(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		log.Fatal(err)
	}
	bias, err := a.Read("bias")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(dtype.Name(bias.DType), bias.Shape, bias.Data)
	// Output: bfloat16 [2] [0 63 0 191]
}
