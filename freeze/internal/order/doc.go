// Package order finds out in which order the nodes of a graph run.
//
// A [Graph] has events and the edges between them: an event happens after all events that
// lead to it. A run of TensorFlow promises no other order. So of two accesses to the same
// variable that no path connects, either may be the first, and what a read returns is
// known only if each write comes before it or after it, or is on the other [Side] of a
// condition.
//
// In a loop, the order within one iteration is one question, and the order of two
// iterations another. So edges to the next iteration are marked, and [Graph.After] leaves out
// those of the loop that it is asked about.
package order
