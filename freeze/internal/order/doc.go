// Package order finds out in which order the reads and writes of one variable happen when
// a graph runs.
//
// A [Graph] has events and the edges between them: an event happens after all events that
// lead to it. A run of TensorFlow promises no other order. So of two accesses to the same
// variable that no path connects, either may be the first, and what a read returns is
// known only if no write is in such a race with it.
//
// [Graph.Find] sorts the accesses of one variable: it returns for each access the writes that
// happen before it, or a [Race].
package order
