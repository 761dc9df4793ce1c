package saver_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// benchVariables is the number of variables of the benchmarks.
const benchVariables = 5000

// smallVariables is a session with many small variables.
func smallVariables(b *testing.B, o *saver.Options) (*saver.Saver, *tf.Session) {
	b.Helper()
	g := tf.NewGraph()
	for i := range benchVariables {
		_, err := tf.NewVariable(g, fmt.Sprintf("v%05d", i), tf.Zeros(16), nil)
		require.NoError(b, err)
	}
	s := newSaver(b, g, o)
	return s, initialized(b, g)
}

func BenchmarkSave(b *testing.B) {
	s, sess := smallVariables(b, &saver.Options{NoSync: true})
	path := filepath.Join(b.TempDir(), "m")
	mustSave(b, s, sess, path, nil) // the first run prepares the graph
	b.ReportAllocs()
	for b.Loop() {
		mustSave(b, s, sess, path, nil)
	}
}

func BenchmarkRestore(b *testing.B) {
	s, sess := smallVariables(b, nil)
	path := mustSave(b, s, sess, filepath.Join(b.TempDir(), "m"), nil)
	require.NoError(b, restore(s, sess, path))
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, restore(s, sess, path))
	}
}

// BenchmarkRestoreByNodes is the restore of TensorFlow's own node, to compare.
func BenchmarkRestoreByNodes(b *testing.B) {
	s, sess := smallVariables(b, &saver.Options{Driver: saver.Ops})
	path := mustSave(b, s, sess, filepath.Join(b.TempDir(), "m"), nil)
	require.NoError(b, restore(s, sess, path))
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, restore(s, sess, path))
	}
}

// BenchmarkResumeManyPaths resumes from a state file that names 100,000 checkpoints, of which
// the folder has the newest.
func BenchmarkResumeManyPaths(b *testing.B) {
	g := tf.NewGraph()
	variable(b, g, "v", []float32{1, 2})
	s := newSaver(b, g, &saver.Options{MaxToKeep: 200_000})
	sess := initialized(b, g)
	folder := b.TempDir()
	path := mustSave(b, s, sess, filepath.Join(folder, "m-100000"), nil)
	paths := make([]string, 100_000)
	for i := range paths {
		paths[i] = filepath.Join(folder, fmt.Sprintf("m-%d", i+1))
	}
	require.NoError(b, dir.UpdateState(ctx, folder, dir.State{ModelCheckpointPath: path, AllModelCheckpointPaths: paths}, nil))
	b.ReportAllocs()
	for b.Loop() {
		r, err := s.Resume(ctx, sess, folder, nil)
		require.NoError(b, err)
		require.Equal(b, path, r.Path)
	}
}
