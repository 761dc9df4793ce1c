// Package namelist lists names in messages. There may be very many, and a message has to stay
// readable.
package namelist

import (
	"fmt"
	"strings"
)

// Some returns the first names, at most most of them, and says how many follow.
func Some(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
