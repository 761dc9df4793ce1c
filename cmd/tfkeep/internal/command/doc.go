// Package command is the command tfkeep: a file for each verb, which reads its flags,
// calls a library and prints the result. It is a package so that cmd/tfkeep/internal/gendocs can
// write the manual from it.
package command
