// Package ui is how the command talks to people: aligned tables, colours and a
// progress bar, each only where it helps.
//
// A [Console] finds out what its streams are. Colours go to terminals, unless
// NO_COLOR is set; the progress bar goes to standard error, if that is a
// terminal, and only when the work takes longer than a blink. Anything else
// gets plain text, so that a pipe or a file never sees a control character.
// Names out of files are shown with theirs escaped, for the same reason.
package ui
