package saver

import (
	"context"
	"time"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/tf"
)

// KeepAll as MaxToKeep deletes nothing; the state file then names the newest
// checkpoint only. It is TensorFlow's max_to_keep=0 or None.
const KeepAll = -1

// Options are the options of tf.compat.v1.train.Saver. The zero value, and nil, are
// TensorFlow's defaults.
type Options struct {
	// VarList lists what to save, each under its own name: variables, made Saveables
	// by Var or Vars, and other Saveables. The parts of a partitioned variable may be
	// in the list one by one. Nil means every global variable and every saveable
	// object that the graph has when the Saver is built; variables made later are not
	// saved.
	VarList []Saveable
	// VarMap is the same with the names to use in the checkpoint. At most one
	// of VarList and VarMap may be given.
	VarMap map[string]Saveable
	// Reshape lets a variable take a tensor of another shape with as many
	// elements.
	Reshape bool
	// Sharded writes one file for each device that has variables.
	Sharded bool
	// MaxToKeep is how many checkpoints to keep; 0 means 5, KeepAll all.
	MaxToKeep int
	// KeepEvery is the interval at which one checkpoint is kept for good, in
	// addition to the MaxToKeep newest; 0 means 10,000 hours, practically never.
	KeepEvery time.Duration
	// RestoreSequentially restores one variable after another, or some small ones together, so
	// that at most 16 MiB or one value are in memory in addition to the variables themselves.
	// Set it for a model that fills more than half of the memory. Large values are read into
	// memory outside TensorFlow's allocator, which would leave gaps of 7% of the model.
	// Resource variables keep that memory until their first update, which copies it.
	// The files are read twice, first to compare all checksums. If reading fails
	// nevertheless after that, the error is an [ErrHalfRestored]. This process reads the files
	// then, on a cluster too; where it cannot, and with the Driver Ops, the error is a
	// tfkeep.ErrArgument.
	RestoreSequentially bool
	// SaveRelativePaths writes paths into the state file relative to it, so that the
	// folder can be moved. Resume finds moved checkpoints either way; TensorFlow
	// doesn't.
	SaveRelativePaths bool
	// AllowEmpty accepts a graph without variables: Save then writes the meta
	// graph only, and Restore does nothing.
	AllowEmpty bool
	// AllowUncovered lets the Saver go on when the graph has got variables since it was built,
	// which it does not save. By default, Save and Resume refuse that, unless VarList or VarMap
	// say what to save. RestoreReport.Uncovered lists them either way.
	AllowUncovered bool
	// PadStepNumber writes step numbers with at least 8 digits.
	PadStepNumber bool
	// WriteVersion is the file format; 0 means checkpoint.V2.
	WriteVersion checkpoint.Version
	// Filename is the path in the graph, which its nodes use if no path is fed; "" means
	// "model".
	Filename string
	// Name is the name scope of the nodes; "" means "save". It is made unique,
	// unless it ends in "/". With SaverDef it is the scope that the graph was
	// imported into.
	Name string
	// DeferBuild adds no nodes before Build is called, so that variables made until then
	// are included.
	DeferBuild bool
	// SaverDef makes the Saver use nodes that are in the graph already: those that the
	// SaverDef names. Its format counts, too, and its retention rule unless MaxToKeep or
	// KeepEvery are set. Options for the building of nodes that it contradicts are an error:
	// VarList, VarMap, Reshape, Sharded, WriteVersion and Filename.
	SaverDef *graphdef.SaverDef

	// Objects, if not nil, is the object graph of a TensorFlow 2 model, whose keys are those of
	// the Saver. Then Save writes checkpoints as tf.train.Checkpoint does, with the object graph
	// and the number of saves, and Restore finds the values of object-based checkpoints by the
	// names that lead to their objects, whatever keys they have. Go reads and writes the files,
	// in format V2. A loaded SavedModel has such a Saver.
	Objects *objectgraph.Graph

	// Driver selects who reads and writes the files; see the constants.
	Driver Driver
	// Gather tunes saver.Files on a cluster; nil is the default.
	Gather *GatherOptions
	// AllowOps names ops that may run while variables are restored, although package
	// safety refuses them: because they reach out of the program, may wait without end, or
	// have not been reviewed, as those of a library of custom ops.
	AllowOps []string
	// SharedWait is how long a save waits until this process sees the files that the
	// machines of a cluster have written; 0 means 3 seconds. If it does not see them
	// then, the save fails with ErrNotShared.
	SharedWait time.Duration
	// NoSync does not wait for the disk. A power cut may then lose the newest
	// checkpoints; a killed process loses nothing either way.
	NoSync bool
	// Alignment makes every tensor begin at a multiple of this number of bytes in the
	// data files; 0 packs them as TensorFlow does. With 4096, RestoreOptions.Mapped
	// copies nothing. TensorFlow reads such files, too. This process writes the files then,
	// on a cluster too; where it cannot, and with the Driver Ops, the error is a
	// tfkeep.ErrArgument.
	Alignment int
	// Workers is how many goroutines read or write; 0 lets package checkpoint choose.
	Workers int
	// BeforeSave, if not nil, is called before the values are taken for a save, and
	// AfterRestore after a restore that has assigned values. Their errors end the save or
	// restore. They are for values that are also kept elsewhere, such as moving averages.
	BeforeSave, AfterRestore func(ctx context.Context, sess *tf.Session) error
	// Clock returns the time for the retention rule; nil means time.Now.
	Clock func() time.Time
}

// Driver selects who reads and writes checkpoint files.
type Driver int

const (
	// Auto selects Go for local sessions and V2 files, and otherwise the graph's own
	// nodes: for sessions on a cluster, whose machines write their own shards, and for
	// paths like gs://, s3:// and hdfs:// that only TensorFlow knows.
	Auto Driver = iota
	// Ops selects the graph's own save and restore nodes.
	Ops
	// Files selects Go, which exchanges the values with the session, also on a cluster.
	// Where Go cannot write or read the files, saving and restoring fail.
	Files
)

func (o *Options) check() error {
	given := o.VarList != nil || o.VarMap != nil
	switch {
	case o.VarList != nil && o.VarMap != nil:
		return fault(tfkeep.ErrArgument, "VarList and VarMap are both given; use one")
	case given && o.DeferBuild:
		return fault(tfkeep.ErrArgument, "DeferBuild does not go with VarList or VarMap")
	case o.WriteVersion < 0 || o.WriteVersion > 2:
		return fault(tfkeep.ErrArgument, "WriteVersion is %d; it must be checkpoint.V1 or checkpoint.V2", int(o.WriteVersion))
	case o.MaxToKeep < KeepAll:
		return fault(tfkeep.ErrArgument, "MaxToKeep is %d; use saver.KeepAll to keep all checkpoints", o.MaxToKeep)
	case o.Driver == Ops && (o.Alignment > 0 || o.RestoreSequentially):
		return fault(tfkeep.ErrArgument, "the graph's own nodes obey neither Alignment nor RestoreSequentially; leave out Driver")
	case o.WriteVersion == checkpoint.V1 && o.Alignment > 0:
		return fault(tfkeep.ErrArgument, "format V1 has no Alignment")
	case o.Alignment < 0:
		return fault(tfkeep.ErrArgument, "Alignment is negative")
	case o.Workers < 0:
		return fault(tfkeep.ErrArgument, "Workers is negative")
	case o.KeepEvery < 0:
		return fault(tfkeep.ErrArgument, "KeepEvery is negative")
	case o.Driver < Auto || o.Driver > Files:
		return fault(tfkeep.ErrArgument, "Driver is %d; it must be saver.Auto, saver.Ops or saver.Files", int(o.Driver))
	case o.Objects != nil && (o.Driver == Ops || o.WriteVersion == checkpoint.V1):
		return fault(tfkeep.ErrArgument, "Objects is set, and the graph's own nodes and format V1 have no object graph; leave out Driver and WriteVersion")
	case o.SharedWait < 0:
		return fault(tfkeep.ErrArgument, "SharedWait is negative")
	}
	return o.Gather.check()
}

// buildsOtherThan returns the name of an option that asks for other nodes than those of a
// SaverDef, or "".
func (o *Options) buildsOtherThan(def *graphdef.SaverDef) string {
	switch {
	case o.VarList != nil:
		return "VarList"
	case o.VarMap != nil:
		return "VarMap"
	case o.Reshape:
		return "Reshape"
	case o.Sharded && !def.GetSharded():
		return "Sharded"
	case o.WriteVersion != 0 && o.WriteVersion != defVersion(def):
		return "WriteVersion"
	case o.Filename != "":
		return "Filename"
	}
	return ""
}

// defVersion returns the format of a SaverDef. A SaverDef that does not say it is of the time
// of V1.
func defVersion(def *graphdef.SaverDef) checkpoint.Version {
	return max(checkpoint.Version(def.GetVersion()), checkpoint.V1)
}

func (o *Options) maxToKeep() int {
	switch {
	case o.MaxToKeep == 0:
		return 5
	case o.MaxToKeep < 0:
		return 0
	}
	return o.MaxToKeep
}

func (o *Options) keepEvery() time.Duration {
	if o.KeepEvery == 0 {
		return defaultKeepEvery
	}
	return o.KeepEvery
}

func (o *Options) writeVersion() checkpoint.Version {
	if o.WriteVersion == 0 {
		return checkpoint.V2
	}
	return o.WriteVersion
}

func (o *Options) filename() string {
	if o.Filename == "" {
		return "model"
	}
	return o.Filename
}

func (o *Options) now() time.Time {
	if o.Clock != nil {
		return o.Clock()
	}
	return time.Now()
}

// SaveOptions are those of Saver.Save. The zero value, and nil, save under the
// path itself, with meta graph and state file.
type SaveOptions struct {
	// GlobalStep is appended to the path: Step(1000) saves "model-1000". Without one,
	// each save replaces the last one.
	GlobalStep GlobalStep
	// LatestFilename is the name of the state file, without a folder; "" means
	// "checkpoint". The file is in the folder of the checkpoint.
	LatestFilename string
	// MetaGraphSuffix is the extension of the meta graph's file; "" means
	// "meta".
	MetaGraphSuffix string
	// NoMetaGraph writes no meta graph.
	NoMetaGraph bool
	// NoState does not change the state file. The checkpoint does not count as one of
	// MaxToKeep, and is never deleted.
	NoState bool
	// NoSaveCounter leaves the number of saves out of a checkpoint of Options.Objects, as in
	// the variables of a SavedModel.
	NoSaveCounter bool
	// StripDefaultAttrs leaves attributes out of the meta graph where they have
	// their default value, so that older TensorFlow can read it.
	StripDefaultAttrs bool
	// Progress, if not nil, is called with the bytes that are written so far and those to
	// write in all. It is called from one goroutine at a time.
	Progress func(done, total int64)
}

func (o *SaveOptions) latestFilename() string {
	if o.LatestFilename == "" {
		return "checkpoint"
	}
	return o.LatestFilename
}

func (o *SaveOptions) metaGraphSuffix() string {
	if o.MetaGraphSuffix == "" {
		return "meta"
	}
	return o.MetaGraphSuffix
}
