package saver

import (
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/tf"
)

// shardNames adds the number of shards, and returns it with a function that adds the
// name of a shard's file.
func (b *builder) shardNames(prefix tf.Output, shards []shard) (number tf.Output, name func(i int, device string) (tf.Output, error), err error) {
	number, err = b.constant(b.free("num_shards"), graphbuild.Scalar(int32(len(shards))), "")
	name = func(i int, device string) (tf.Output, error) {
		full := b.free("ShardedFilename")
		index, err := b.constant(full+"/shard", graphbuild.Scalar(int32(i)), device)
		if err != nil {
			return tf.Output{}, err
		}
		o, err := b.add(full, tf.OpSpec{
			Type: "ShardedFilename", Input: []tf.Input{prefix, index, number}, Device: device,
		})
		if err != nil {
			return tf.Output{}, err
		}
		return o.Output(0), nil
	}
	return number, name, err
}

// saveShardsV2 adds nodes by which each device writes a checkpoint of its own under a
// temporary name, and the last device merges their indexes and moves the data files.
func (b *builder) saveShardsV2(filename tf.Output, shards []shard) (tf.Output, error) {
	temporary, err := b.temporaryPrefix(filename)
	if err != nil {
		return tf.Output{}, err
	}
	_, shardName, err := b.shardNames(temporary, shards)
	if err != nil {
		return tf.Output{}, err
	}
	var prefixes tf.OutputList
	var saves []*tf.Operation
	var cpu string
	for i, s := range shards {
		cpu = onCPU0(s.device)
		prefix, err := shardName(i, cpu)
		if err != nil {
			return tf.Output{}, err
		}
		saved, err := b.saveTo(prefix, s.items, cpu)
		if err != nil {
			return tf.Output{}, err
		}
		prefixes = append(prefixes, prefix)
		saves = append(saves, saved.Op)
	}
	merge := b.free("MergeV2Checkpoints")
	packed, err := b.add(merge+"/checkpoint_prefixes", tf.OpSpec{
		Type: "Pack", Input: []tf.Input{prefixes}, ControlDependencies: saves,
		Device: cpu,
	})
	if err != nil {
		return tf.Output{}, err
	}
	merged, err := b.add(merge, tf.OpSpec{
		Type: "MergeV2Checkpoints", Input: []tf.Input{packed.Output(0), filename},
		Attrs:  map[string]any{"delete_old_dirs": true},
		Device: cpu,
	})
	if err != nil {
		return tf.Output{}, err
	}
	done, err := b.Add(tf.OpSpec{
		Type: "Identity", Input: []tf.Input{filename}, Device: cpu,
		ControlDependencies: append([]*tf.Operation{merged}, saves...),
	})
	if err != nil {
		return tf.Output{}, err
	}
	return done.Output(0), nil
}

// temporaryPrefix adds nodes that append "_temp/part" to the path, or ".part" on S3,
// which has no folders to remove.
func (b *builder) temporaryPrefix(filename tf.Output) (tf.Output, error) {
	const device = "/device:CPU:*"
	onS3, err := b.Add(tf.OpSpec{
		Type: "StaticRegexFullMatch", Input: []tf.Input{filename},
		Attrs: map[string]any{"pattern": "^s3://.*"}, Device: device,
	})
	if err != nil {
		return tf.Output{}, err
	}
	choice := []tf.Input{onS3.Output(0)}
	for _, suffix := range []string{".part", "_temp/part"} {
		c, err := b.constant(b.free("Const"), graphbuild.Scalar(suffix), device)
		if err != nil {
			return tf.Output{}, err
		}
		choice = append(choice, c)
	}
	suffix, err := b.Add(tf.OpSpec{Type: "Select", Input: choice, Device: device})
	if err != nil {
		return tf.Output{}, err
	}
	joined, err := b.Add(tf.OpSpec{
		Type: "StringJoin", Input: []tf.Input{tf.OutputList{filename, suffix.Output(0)}},
		Device: device,
	})
	if err != nil {
		return tf.Output{}, err
	}
	return joined.Output(0), nil
}

// saveShardsV1 adds nodes by which each device writes its file. There is nothing to
// merge: the result is the pattern that matches all files.
func (b *builder) saveShardsV1(filename tf.Output, shards []shard) (tf.Output, error) {
	number, shardName, err := b.shardNames(filename, shards)
	if err != nil {
		return tf.Output{}, err
	}
	var saves []*tf.Operation
	for i, s := range shards {
		name, err := shardName(i, s.device)
		if err != nil {
			return tf.Output{}, err
		}
		saved, err := b.saveTo(name, s.items, s.device)
		if err != nil {
			return tf.Output{}, err
		}
		saves = append(saves, saved.Op)
	}
	o, err := b.Add(tf.OpSpec{
		Type: "ShardedFilespec", Input: []tf.Input{filename, number}, ControlDependencies: saves,
	})
	if err != nil {
		return tf.Output{}, err
	}
	return o.Output(0), nil
}
