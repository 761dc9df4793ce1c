// Package convert converts checkpoints between formats: V1 to V2 and back, and either of
// them to .safetensors and .npz files and back.
//
// Values, names, types and shapes stay the same, bit for bit. Partitions are kept between
// checkpoints and joined in other formats. A tensor that the destination cannot hold
// (strings in safetensors, for example) is an error; Options.SkipUnsupported leaves such
// tensors out and lists them in the result.
//
// The destination appears when it is complete. A conversion to .safetensors or .npz takes a
// few megabytes of memory, one to a checkpoint about 32 MiB. These are held in memory one
// at a time: tensors of strings, the tensors of a V1 checkpoint that is written, and arrays
// that an .npz file has in Fortran order.
package convert
