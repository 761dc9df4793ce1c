package modeldir

import (
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/filekind"
)

// WhyNoModel returns the kind of the error, and its detail, for a folder that has neither
// saved_model.pb nor saved_model.pbtxt. It says what is there instead, and what to name.
func WhyNoModel(fsys fs.FS) (kind error, detail string) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return tfkeep.ErrNotFound, "there is no SavedModel"
	}
	var versions, graphs []string
	for _, e := range entries {
		name := e.Name()
		if name == FilenameCPB {
			return tfkeep.ErrUnsupported, FilenameCPB + " is " + filekind.CpbReason
		}
		if _, ok := version(name); ok && e.IsDir() && isModel(fsys, name) {
			versions = append(versions, name)
		}
		switch strings.ToLower(path.Ext(name)) {
		case ".pb", ".pbtxt":
			graphs = append(graphs, strconv.Quote(name))
		}
	}
	const none = "the folder has neither " + FilenamePB + " nor " + FilenamePBText
	switch {
	case len(versions) > 0:
		return tfkeep.ErrNotFound, fmt.Sprintf("this is a folder of versions of a model: %s; name one of them", strings.Join(versions, ", "))
	case len(graphs) > 0:
		return tfkeep.ErrNotFound, fmt.Sprintf("%s; it has graph files: %s; name one of them", none, strings.Join(graphs, ", "))
	}
	return tfkeep.ErrNotFound, none
}

func isModel(fsys fs.FS, folder string) bool {
	for _, name := range []string{FilenamePB, FilenamePBText, FilenameCPB} {
		if info, err := fs.Stat(fsys, path.Join(folder, name)); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}
