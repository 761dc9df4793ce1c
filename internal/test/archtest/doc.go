// Package archtest holds the project's rules as tests: which layers may reach which,
// who may use cgo, and what a library never does. ARCHITECTURE.md says why.
package archtest
