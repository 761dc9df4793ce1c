// Package cli is what the commands of this module have in common: exit codes, errors in
// the command line, and signals.
package cli
