// Package draw draws a graph as an SVG, which any browser shows, or in Graphviz's dot
// language. Of a graph with more nodes than a picture can show, whole name scopes become
// one box each, which shows the number of nodes in it.
package draw
