package offline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/modeldir"
)

// Change is one change of a model's graphs.
type Change func(*graphdef.SavedModel) error

// Edit applies changes to the model at dir, and replaces its file with the
// graphs in one step. Variables and assets are not touched; a manifest is made
// anew. Nothing is written if a change fails.
func Edit(ctx context.Context, dir string, changes ...Change) error {
	sm, err := graphdef.ReadSavedModel(dir)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if err := c(sm); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	name, data := graphdef.SavedModelFile, []byte(nil)
	if _, err := os.Stat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) {
		name, data = graphdef.SavedModelTextFile, graphdef.MarshalText(sm)
	} else if data, err = graphdef.MarshalBinary(sm); err != nil {
		return err
	}
	_, err = os.Stat(filepath.Join(dir, modeldir.ManifestName))
	listed := err == nil
	if err := modeldir.Replace(dir, name, data); err != nil {
		return fmt.Errorf("offline: %w", err)
	}
	if listed {
		if err := modeldir.WriteManifest(ctx, dir); err != nil {
			return fmt.Errorf("offline: manifest: %w", err)
		}
	}
	return nil
}

// KeepTags keeps the graphs with exactly one of the given lists of tags.
func KeepTags(lists ...[]string) Change {
	return func(sm *graphdef.SavedModel) error {
		var kept []*graphdef.MetaGraphDef
		for _, tags := range lists {
			mg, err := graphdef.FindMetaGraph(sm, tags)
			if err != nil {
				return err
			}
			kept = append(kept, mg)
		}
		if len(kept) == 0 {
			return fmt.Errorf("%w: a model needs a graph; name the tags to keep", ErrArgument)
		}
		sm.MetaGraphs = kept
		return nil
	}
}

// Retag gives the graph with exactly the tags from the tags to.
func Retag(from, to []string) Change {
	return func(sm *graphdef.SavedModel) error {
		mg, err := graphdef.FindMetaGraph(sm, from)
		if err != nil {
			return err
		}
		if other, err := graphdef.FindMetaGraph(sm, to); err == nil && other != mg {
			return fmt.Errorf("%w: another graph has the tags %s", ErrArgument, graphdef.TagSet(to))
		}
		if mg.MetaInfoDef == nil {
			mg.MetaInfoDef = &graphdef.MetaInfoDef{}
		}
		mg.MetaInfoDef.Tags = append([]string(nil), to...)
		return nil
	}
}

// SetSignature adds or replaces a signature of the graph with the given tags.
// Types and shapes come from the graph, see [SignatureOf].
func SetSignature(tags []string, key string, inputs, outputs map[string]string) Change {
	return func(sm *graphdef.SavedModel) error {
		mg, err := graphdef.FindMetaGraph(sm, tags)
		if err != nil {
			return err
		}
		if key == "" || signature.IsReserved(key) {
			return fmt.Errorf("%w: %q cannot be the key of a signature", ErrArgument, key)
		}
		sig, err := SignatureOf(mg.GraphDef, inputs, outputs)
		if err != nil {
			return err
		}
		if mg.SignatureDef == nil {
			mg.SignatureDef = map[string]*graphdef.SignatureDef{}
		}
		mg.SignatureDef[key] = sig
		return nil
	}
}

// RemoveSignature takes a signature out.
func RemoveSignature(tags []string, key string) Change {
	return func(sm *graphdef.SavedModel) error {
		mg, err := withSignature(sm, tags, key)
		if err == nil {
			delete(mg.SignatureDef, key)
		}
		return err
	}
}

// RenameSignature gives a signature another key.
func RenameSignature(tags []string, from, to string) Change {
	return func(sm *graphdef.SavedModel) error {
		mg, err := withSignature(sm, tags, from)
		if err != nil {
			return err
		}
		if mg.SignatureDef[to] != nil || to == "" {
			return fmt.Errorf("%w: %q is no free key for a signature", ErrArgument, to)
		}
		mg.SignatureDef[to] = mg.SignatureDef[from]
		delete(mg.SignatureDef, from)
		return nil
	}
}

func withSignature(sm *graphdef.SavedModel, tags []string, key string) (*graphdef.MetaGraphDef, error) {
	mg, err := graphdef.FindMetaGraph(sm, tags)
	if err != nil {
		return nil, err
	}
	if mg.SignatureDef[key] == nil {
		return nil, fmt.Errorf("%w: no signature %q; there are %s", ErrArgument, key, strings.Join(slices.Sorted(maps.Keys(mg.SignatureDef)), ", "))
	}
	return mg, nil
}

// same tells whether two signatures say the same.
func same(a, b *graphdef.SignatureDef) bool { return proto.Equal(a, b) }
