package saver

import (
	"fmt"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/tf"
)

// ImportMetaGraph brings the graph of a ".meta" file, text or binary, into g and
// returns its Saver, with which to restore the variables. It is
// tf.compat.v1.train.import_meta_graph.
//
// A file without a SaverDef gives a Saver for all variables of g; if there are
// none, nil, as in TensorFlow. For options of the Saver's, or the elements that
// the import returns, use tf.ImportMetaGraphFile and [FromImported], whose
// Saver is never nil.
func ImportMetaGraph(g *tf.Graph, path string, o *tf.ImportMetaGraphOptions) (*Saver, error) {
	im, err := tf.ImportMetaGraphFile(g, localPath(path), o)
	if err != nil {
		return nil, fmt.Errorf("saver: import meta graph: %w", err)
	}
	return orNil(FromImported(g, im, nil))
}

// ImportMetaGraphDef is ImportMetaGraph for a MetaGraphDef in memory.
func ImportMetaGraphDef(g *tf.Graph, mg *graphdef.MetaGraphDef, o *tf.ImportMetaGraphOptions) (*Saver, error) {
	im, err := tf.ImportMetaGraph(g, mg, o)
	if err != nil {
		return nil, fmt.Errorf("saver: import meta graph: %w", err)
	}
	return orNil(FromImported(g, im, nil))
}

// orNil turns a Saver without variables into none.
func orNil(s *Saver, err error) (*Saver, error) {
	if err != nil || s.AsSaverDef() == nil {
		return nil, err
	}
	return s, nil
}

// FromImported makes the Saver of an imported meta graph. Of o, what concerns
// the building of nodes has no effect where the meta graph has a SaverDef: its
// nodes are there.
func FromImported(g *tf.Graph, im *tf.ImportedMetaGraph, o *Options) (*Saver, error) {
	var opts Options
	if o != nil {
		opts = *o
	}
	if im == nil {
		return nil, fmt.Errorf("%w: the imported meta graph is nil", ErrArgument)
	}
	opts.SaverDef = im.SaverDef
	opts.Name = ""
	if opts.SaverDef == nil {
		opts.AllowEmpty = true
	}
	return New(g, &opts)
}

// ExportMetaGraph describes the graph, its collections and this Saver, and
// writes it to a file if o names one. It is Saver.export_meta_graph: o.SaverDef
// is this Saver's.
func (s *Saver) ExportMetaGraph(o *tf.ExportMetaGraphOptions) (*graphdef.MetaGraphDef, error) {
	var opts tf.ExportMetaGraphOptions
	if o != nil {
		opts = *o
	}
	opts.SaverDef = s.AsSaverDef()
	return tf.ExportMetaGraph(s.g, &opts)
}
