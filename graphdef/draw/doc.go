// Package draw draws a graph, as Graphviz's dot language or as an SVG that any
// browser shows. A graph of more nodes than a picture can hold is drawn by name
// scopes: each closed scope is one box that says how many nodes are in it.
package draw
