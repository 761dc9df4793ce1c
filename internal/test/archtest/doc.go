// Package archtest holds the project's rules as tests: which packages may import which,
// which may use cgo, and what a library must not do. ARCHITECTURE.md explains them.
package archtest
