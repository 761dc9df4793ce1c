// Package cli has what the commands of this module share: exit codes, usage errors and
// signals.
package cli
