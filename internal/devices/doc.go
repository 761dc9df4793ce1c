// Package devices says which devices a session would see, and, where there is no
// GPU among them, why not: TensorFlow itself goes on with the CPU and leaves a line
// in its log, or none.
//
// A GPU is seen when libtensorflow was built with CUDA, NVIDIA's driver and its NVML
// are there and show one, and each of CUDA's libraries that TensorFlow opens at its
// start can be opened. Each of these is asked by itself, so that every fault is
// named, with what to do about it.
package devices
