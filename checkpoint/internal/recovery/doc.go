// Package recovery removes the files that an interrupted write or removal of a V2
// checkpoint left. It has the rules that decide which files are no longer needed;
// docs/durability.md explains them.
package recovery
