// Package ui prints the command's output: aligned tables, colors and a progress bar.
//
// A [Console] prints colors on terminals only, unless NO_COLOR is set. The progress bar is
// printed on standard error, if that is a terminal, and only for work that takes a while.
// Pipes and files get plain text without control characters. Control characters in names
// from files are escaped.
package ui
