// Package ndtext prints arrays as NumPy does: aligned, wrapped, and without the middle of
// large arrays.
//
//	[[0.5      0.25    ]
//	 [0.125    0.333333]]
//
// Numbers of types that NumPy has are printed exactly as numpy.array2string prints them
// with its default options. Floats that NumPy lacks follow the same rules, with as many
// digits as distinguish two values of the type. Strings are quoted.
package ndtext
