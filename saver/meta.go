package saver

import (
	"context"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
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
	im, err := tf.ImportMetaGraphFile(ctx, g, localPath(path), &opts)
	if err != nil {
		return nil, wrap("import meta graph", path, err)
	}
	return FromImported(g, im, nil)
}

// FromImported makes the Saver of an imported meta graph. If the meta graph has a
// SaverDef, the options of o that concern the building of nodes have no effect, because
// the nodes exist. If it has none and was imported into a scope without variables, the Saver
// is empty, as TensorFlow makes none then.
func FromImported(g *tf.Graph, im *tf.ImportedMetaGraph, o *Options) (*Saver, error) {
	var opts Options
	if o != nil {
		opts = *o
	}
	if im == nil {
		return nil, wrap(opBuild, "", fault(tfkeep.ErrArgument, "the imported meta graph is nil"))
	}
	opts.SaverDef = im.SaverDef
	opts.Name = ""
	if opts.SaverDef == nil {
		opts.AllowEmpty = true
		if im.Scope != "" && len(im.Variables) == 0 && opts.VarList == nil && opts.VarMap == nil {
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
	opts.SaverDef = s.SaverDef()
	return tf.ExportMetaGraph(s.g, &opts)
}
