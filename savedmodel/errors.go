package savedmodel

import (
	"fmt"

	"github.com/tfkeep/tfkeep"
)

func loadError(dir string, kind error, format string, args ...any) error {
	return &tfkeep.Error{Op: "load", Path: dir, Err: kind, Detail: fmt.Sprintf(format, args...)}
}

func loadCause(dir, detail string, cause error) error {
	return &tfkeep.Error{Op: "load", Path: dir, Detail: detail, Cause: cause}
}

func buildError(dir string, kind error, format string, args ...any) error {
	return &tfkeep.Error{Op: "build", Path: dir, Err: kind, Detail: fmt.Sprintf(format, args...)}
}

func buildCause(dir, detail string, cause error) error {
	return &tfkeep.Error{Op: "build", Path: dir, Detail: detail, Cause: cause}
}
