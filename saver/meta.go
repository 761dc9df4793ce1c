package saver

import (
	"context"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/tf"
)

// ImportMetaGraph imports the graph of a ".meta" file, text or binary, into g and
// returns its Saver, with which to restore the variables. It is
// tf.compat.v1.train.import_meta_graph.
//
// If the file has no SaverDef, the result is a new Saver of all variables of g, or, if
// nothing that was imported is a variable, an empty Saver that adds no nodes. A file that is
// refused leaves g as it was. To import a meta graph from memory, to set options of the Saver, or to get
// the elements that the import returns, use tf.ImportMetaGraph or
// tf.ImportMetaGraphFile, and [FromImported].
//
// When ctx is done, it returns soon, as tf.ImportGraphDef does.
func ImportMetaGraph(ctx context.Context, g *tf.Graph, path string, o *tf.ImportMetaGraphOptions) (*Saver, error) {
	var opts tf.ImportMetaGraphOptions
	if o != nil {
		opts = *o
	}
	opts.Saver = true
	if err := argcheck.Context(ctx, "import meta graph", path); err != nil {
		return nil, err
	}
	if err := g.Err(); err != nil {
		return nil, wrap("import meta graph", path, err)
	}
	im, err := tf.ImportMetaGraphFile(ctx, g, localPath(path), &opts)
	if err != nil {
		return nil, wrap("import meta graph", path, err)
	}
	return FromImported(g, im, nil)
}

// FromImported makes the Saver of an imported meta graph: New with the SaverDef of the meta
// graph. An option of o that such a Saver cannot obey is an error; see Options.SaverDef. If the
// meta graph has none, it is New with o, of all variables of g, or an empty Saver if there are
// none. If it was imported into a scope without variables, the Saver is empty, too, as
// TensorFlow makes none then.
func FromImported(g *tf.Graph, im *tf.ImportedMetaGraph, o *Options) (*Saver, error) {
	var opts Options
	if o != nil {
		opts = *o
	}
	if err := g.Err(); err != nil {
		return nil, wrap(opBuild, "", err)
	}
	if im == nil {
		return nil, wrap(opBuild, "", fault(tfkeep.ErrArgument, "the imported meta graph is nil"))
	}
	switch {
	case opts.SaverDef != nil:
		return nil, wrap(opBuild, "", fault(tfkeep.ErrArgument, "SaverDef is set, and the Saver is that of the imported meta graph; use New for another one"))
	case im.SaverDef != nil && opts.Name != "":
		return nil, wrap(opBuild, "", fault(tfkeep.ErrArgument, "Name is set, and the nodes of the imported Saver have names"))
	case im.SaverDef != nil:
		opts.SaverDef = im.SaverDef
	default:
		opts.AllowEmpty = true
		if im.Scope != "" && len(im.Variables) == 0 && opts.VarList == nil && opts.VarMap == nil && !opts.DeferBuild {
			opts.VarList = []Saveable{} // as in TensorFlow: nothing in the scope is to be restored
		}
	}
	return New(g, &opts)
}

// ExportMetaGraph returns the graph, its collections and this Saver's SaverDef as one
// message, and writes it to a file if o names one. It is Saver.export_meta_graph.
// o.SaverDef has no effect.
func (s *Saver) ExportMetaGraph(o *tf.ExportMetaGraphOptions) (*graphdef.MetaGraphDef, error) {
	var opts tf.ExportMetaGraphOptions
	if o != nil {
		opts = *o
	}
	if err := s.check(context.Background()); err != nil {
		return nil, wrap("export meta graph", "", err)
	}
	opts.SaverDef = s.SaverDef()
	return tf.ExportMetaGraph(s.g, &opts)
}
