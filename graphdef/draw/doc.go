// Package draw draws a graph as an SVG, which any browser shows, or in Graphviz's dot
// language. If a graph has more nodes than a picture can show, whole name scopes become
// one box each, which shows the number of its nodes.
package draw
