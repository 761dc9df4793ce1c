package python

import "fmt"

// CallFunction returns the text of a script whose result is that of a function in the Python
// file module.py of a folder, called with the arguments of the script. folder is an absolute
// path.
func CallFunction(folder, module, function string) string {
	return fmt.Sprintf("import sys\nif %q not in sys.path: sys.path.append(%q)\nimport %s\nresult = %[3]s.%[4]s(*args)\n", folder, folder, module, function)
}
