// Package parallel runs n jobs on k goroutines: [Each] in any order, [InOrder]
// with the results handed over in order.
package parallel
