// Package filekind recognizes, by their content, the files that people most often pass in
// place of a checkpoint or a graph, so that an error can call them what they are and say
// what to do.
package filekind
