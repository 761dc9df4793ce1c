// Package decide removes the branches of a graph that are never taken.
//
// A predicate that is constant, or computed from constants alone, decides a Select, a
// Switch with its Merge, an If and a Case. The package keeps the branch that is taken and
// connects it to what is around it. For that it puts the bodies of decided branches, and
// of called functions, into the graph. The bodies of loops and of undecided branches stay
// functions; they are copied, with the constants that they are called with.
//
// What the graph computes does not change, and nodes that are to be kept keep their names.
package decide
