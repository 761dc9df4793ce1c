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
	for _, e := range entries {
		if e.Name() == FilenameCPB {
			return FilenameCPB + " is " + filekind.CpbReason, tfkeep.ErrUnsupported
		}
	}
	const none = "the folder has neither " + FilenamePB + " nor " + FilenamePBText
	if others := Others(fsys); others != "" {
		return none + "; " + others, tfkeep.ErrNotFound
	}
	return none, tfkeep.ErrNotFound
}

// Others tells what a folder that is not a model has that can be named instead: versions of a
// model, or files of graphs. It is "" without any.
func Others(fsys fs.FS) string {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return ""
	}
	var versions, graphs []string
	for _, e := range entries {
		name := e.Name()
		if _, ok := version(name); ok && e.IsDir() && isModel(fsys, name) {
			versions = append(versions, name)
		}
		switch strings.ToLower(path.Ext(name)) {
		case ".pb", ".pbtxt":
			graphs = append(graphs, strconv.Quote(name))
		}
	}
	switch {
	case len(versions) > 0:
		return fmt.Sprintf("this is a folder of versions of a model: %s; name one of them", strings.Join(versions, ", "))
	case len(graphs) > 0:
		return fmt.Sprintf("it has graph files: %s; name one of them", strings.Join(graphs, ", "))
	}
	return ""
}

func isModel(fsys fs.FS, folder string) bool {
	for _, name := range []string{FilenamePB, FilenamePBText, FilenameCPB} {
		if info, err := fs.Stat(fsys, path.Join(folder, name)); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}
