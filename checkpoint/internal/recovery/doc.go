// Package recovery removes what the writer of a V2 checkpoint that died, or the
// removal of one, has left. It holds the rules that say which files nobody needs
// any more; docs/durability.md explains them.
package recovery
