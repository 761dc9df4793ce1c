// Package docs tests the documentation: the Go code that it shows compiles, and its links
// lead somewhere.
package docs
