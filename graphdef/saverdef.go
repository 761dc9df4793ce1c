package graphdef

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/textformat"
)

// ReadSaverDef reads a SaverDef file, text or binary.
func ReadSaverDef(path string) (*SaverDef, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	sd := &SaverDef{}
	if proto.Unmarshal(data, sd) == nil && sd.RestoreOpName != "" {
		return sd, nil
	}
	sd = &SaverDef{}
	if err := textformat.Unmarshal(data, sd); err != nil {
		return nil, &tfkeep.Error{Op: "read", Path: path, Err: tfkeep.ErrCorrupt, Cause: err,
			Detail: fmt.Sprintf("not a SaverDef in binary or in text%s", likelyFormat(path, data))}
	}
	return sd, nil
}
