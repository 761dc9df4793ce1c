// Package safetensors reads and writes files of the safetensors format, so that
// checkpoints can be exchanged with programs that use it.
//
// # The format
//
// A file is a header and the tensors' bytes, with nothing before, between or after
// them:
//
//	┌──────────┬───────────────────────────┬─────────────────────────────┐
//	│ 8 bytes  │ N bytes                   │ rest of the file            │
//	│ N, LE    │ JSON object, space-padded │ little-endian, row-major    │
//	└──────────┴───────────────────────────┴─────────────────────────────┘
//
//	{"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}
//
// data_offsets count from the end of the header. The tensors must cover the data
// without a hole and without an overlap, a name may occur only once, and the header
// begins with "{" and has at most 100,000,000 bytes. [NewReader] checks all of these
// rules first. A file is hostile until then: no size that it claims is allocated
// before it is compared with the size of the file.
//
// The format has no checksums, so a flipped bit in the data is not noticed. Keep the
// checkpoint.
//
// # Types
//
// bool, the integers of 8 to 64 bits, float16, bfloat16, float32, float64,
// float8_e5m2, float8_e4m3fn and complex64 have a counterpart. Strings, complex128,
// quantized types and types of 2 and 4 bits have none: tfkeep.ErrUnsupported.
package safetensors
