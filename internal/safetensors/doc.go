// Package safetensors reads and writes files of the safetensors format, so
// that checkpoints travel to and from the programs that speak it.
//
// # The format
//
// A file is a header and the tensors' bytes, with nothing between, before or
// after them:
//
//	┌──────────┬───────────────────────────┬─────────────────────────────┐
//	│ 8 bytes  │ N bytes                   │ rest of the file            │
//	│ N, LE    │ JSON object, space-padded │ little-endian, row-major    │
//	└──────────┴───────────────────────────┴─────────────────────────────┘
//
//	{"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}
//
// data_offsets count from the end of the header. The tensors must cover the
// data without a hole and without an overlap, a name may come once only, the
// header begins with "{" and has at most [MaxHeaderSize] bytes. [NewReader]
// holds a file to every one of these rules before it hands out anything; a
// file is hostile until then, and nothing is allocated on its word alone.
//
// The format has no checksums: a flipped bit in the data goes unseen. Keep
// the checkpoint.
//
// # Types
//
// bool, the integers of 8 to 64 bits, float16, bfloat16, float32, float64,
// float8_e5m2, float8_e4m3fn and complex64 have a counterpart. Strings,
// complex128, quantized and four-bit types have none: [ErrUnsupported].
package safetensors
