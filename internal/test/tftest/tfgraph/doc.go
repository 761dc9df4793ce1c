// Package tfgraph helps the tests of packages that build and run graphs.
package tfgraph
