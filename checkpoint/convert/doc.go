// Package convert turns checkpoints of one format into those of another: V1
// into V2 and back, and either into .safetensors and .npz files and back.
//
// Values stay what they are, bit for bit, and so do names, types and shapes.
// Partitions are kept between checkpoints and put together elsewhere. What the
// destination cannot hold (strings in safetensors, say) is an error before
// anything is written, or is left out and told when Options.SkipUnsupported
// says so.
//
// The destination appears when it is complete and not before. Memory is a few
// times the largest tensor at most, and for .safetensors and .npz from a
// checkpoint a few megabytes.
package convert
