// Bench runs tfkeep beside Python TensorFlow on the same work and prints the ratios.
//
// Each comparison is a [Pair]; pairs.go lists them and docs/bench.md tells how to add
// one. The two sides of a pair take turns (A B A B …), so that what else the machine
// does falls on both, and the medians are compared.
//
//	make bench                             # all
//	make bench BENCHFLAGS='-run digits -rounds 9'
package main
