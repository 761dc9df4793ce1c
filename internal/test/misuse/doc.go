// Package misuse calls every exported function and method of the module with arguments that
// make no sense: nil contexts, nil and zero values, closed objects, negative numbers, names
// that no file has. None may panic, crash, or wait; where a function returns an error, it
// says what is wrong.
//
// The functions and types are listed by hand in the tests. TestEveryFunctionIsCalled compares
// the lists with api/tfkeep.txt, so that a new function without a line here fails.
package misuse
