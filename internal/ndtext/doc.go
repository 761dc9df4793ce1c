// Package ndtext prints arrays as NumPy does: aligned, wrapped, and the middle
// of large ones left out.
//
//	[[0.5      0.25    ]
//	 [0.125    0.333333]]
//
// Numbers of the types that NumPy has come out character for character as
// numpy.array2string prints them with its default options; the small floats
// that it lacks follow the same rules, with as many digits as tell two of
// their values apart. Strings are quoted.
package ndtext
