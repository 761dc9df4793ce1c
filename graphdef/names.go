package graphdef

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tfkeep/tfkeep"
)

// NodeName gives the node that an input names: "a" for "a", "a:2" and "^a".
func NodeName(input string) string {
	input = strings.TrimPrefix(input, "^")
	if i := strings.IndexByte(input, ':'); i >= 0 {
		return input[:i]
	}
	return input
}

// IsControl says whether an input is a control dependency, "^a".
func IsControl(input string) bool { return strings.HasPrefix(input, "^") }

// ParseTensorName splits a tensor's name into node and output: "a:1" into a
// and 1, and "a" into a and 0. More than one colon, or no number behind it, is
// an error in TensorFlow's words.
func ParseTensorName(name string) (node string, output int, err error) {
	parts := strings.Split(name, ":")
	switch len(parts) {
	case 1:
		return name, 0, nil
	case 2:
		output, err := strconv.Atoi(parts[1])
		if err != nil || output < 0 {
			return "", 0, &tfkeep.Error{Op: "parse name", Err: tfkeep.ErrArgument, Detail: fmt.Sprintf(
				"Cannot convert '%s' to a tensor name. Second component of the name following the `:` should be an int. Got %s.", name, parts[1])}
		}
		return parts[0], output, nil
	}
	return "", 0, &tfkeep.Error{Op: "parse name", Err: tfkeep.ErrArgument, Detail: fmt.Sprintf(
		"Cannot convert '%s' to a tensor name. Tensor names should not contain more than 1 `:`. Obtained %d", name, len(parts)-1)}
}

// StripNameScope takes a scope off the front of a node's, a tensor's or an
// input's name, behind "^" or "loc:@" where it has one: "s/a" in scope "s"
// becomes "a". A name outside the scope stays.
func StripNameScope(name, scope string) string {
	if scope == "" {
		return name
	}
	mark, rest := splitMark(name)
	// TensorFlow takes a run of slashes for one separator.
	if tail, ok := strings.CutPrefix(rest, strings.TrimSuffix(scope, "/")+"/"); ok {
		return mark + strings.TrimLeft(tail, "/")
	}
	return name
}

// PrependNameScope puts a name into a scope, behind "^" or "loc:@" where it has
// one: "a" becomes "s/a", and "loc:@a" "loc:@s/a".
func PrependNameScope(name, scope string) string {
	if scope == "" {
		return name
	}
	mark, rest := splitMark(name)
	return mark + strings.TrimSuffix(scope, "/") + "/" + rest
}

const colocationMark = "loc:@"

func splitMark(name string) (mark, rest string) {
	for _, mark := range []string{"^", colocationMark} {
		if rest, ok := strings.CutPrefix(name, mark); ok {
			return mark, rest
		}
	}
	return "", name
}

// Colocations gives the names of the nodes that a node's "_class" attribute
// ties it to, without the "loc:@".
func Colocations(n *NodeDef) []string {
	var names []string
	for _, class := range n.GetAttr()["_class"].GetList().GetS() {
		if name, ok := strings.CutPrefix(string(class), colocationMark); ok {
			names = append(names, name)
		}
	}
	return names
}

// validNodeName is the rule of TensorFlow's C++: letters, digits and
// "_ - . /", the first a letter, a digit or a dot, in parts joined by ">".
func validNodeName(name string, first func(byte) bool) bool {
	if name == "" {
		return false
	}
	for part := range strings.SplitSeq(name, ">") {
		if part == "" || !first(part[0]) {
			return false
		}
		for i := 1; i < len(part); i++ {
			if c := part[i]; !letterDigitDot(c) && c != '_' && c != '-' && c != '/' {
				return false
			}
		}
	}
	return true
}

func letterDigitDot(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.'
}

// Inside a function names may begin with an underscore too.
func letterDigitDotUnderscore(c byte) bool { return letterDigitDot(c) || c == '_' }
