// Bench runs tfkeep and Python TensorFlow on the same work and prints the ratios of
// their times.
//
// Each comparison is a [Pair]; pairs.go lists them, and docs/bench.md explains how to add
// one. The two sides of a pair take turns (A B A B …), so that other load on the machine
// affects both, and the medians are compared.
//
//	make bench                             # all
//	make bench BENCHFLAGS='-run digits -rounds 9'
package main
