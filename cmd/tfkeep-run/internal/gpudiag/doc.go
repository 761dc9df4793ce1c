// Package gpudiag finds out why a session sees no GPU. TensorFlow itself continues with the
// CPU and writes at most a line to its log.
//
// A session sees a GPU under three conditions: libtensorflow was built with CUDA, NVIDIA's
// driver and its library NVML are installed and show a GPU, and each library of CUDA that
// TensorFlow opens at its start can be opened. Diagnose checks each condition by itself, so
// that it can name every fault and a remedy.
package gpudiag
