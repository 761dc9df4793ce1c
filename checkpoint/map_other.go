//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package checkpoint

import (
	"errors"
	"os"
)

const canMap = false

func mapFile(*os.File, int64, int64) ([]byte, func() error, error) {
	return nil, nil, errors.ErrUnsupported
}
