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
func WhyNoModel(fsys fs.FS) (detail string, kind error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return "there is no SavedModel", tfkeep.ErrNotFound
	}
	var versions, graphs []string
	for _, e := range entries {
		name := e.Name()
		if name == FilenameCPB {
			return FilenameCPB + " is " + filekind.CpbReason, tfkeep.ErrUnsupported
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
		return fmt.Sprintf("this is a folder of versions of a model: %s; name one of them", strings.Join(versions, ", ")), tfkeep.ErrNotFound
	case len(graphs) > 0:
		return fmt.Sprintf("%s; it has graph files: %s; name one of them", none, strings.Join(graphs, ", ")), tfkeep.ErrNotFound
	}
	return none, tfkeep.ErrNotFound
}

func isModel(fsys fs.FS, folder string) bool {
	for _, name := range []string{FilenamePB, FilenamePBText, FilenameCPB} {
		if info, err := fs.Stat(fsys, path.Join(folder, name)); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}
