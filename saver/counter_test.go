package saver_test

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// A model that gets a global step, or one of another type, continues at the step of the
// checkpoint, and does not count from 0 again.
func TestPartialResumeKeepsTheStep(t *testing.T) {
	for _, test := range []struct {
		name     string
		was      any // the global step of the model that was saved, or nil if it had none
		is       any // the initial value of the new one
		step     int64
		restored bool
	}{
		{"int64 becomes int32", int64(12), int32(0), 12, true},
		{"int32 becomes int64", int32(12), int64(0), 12, true},
		{"int64 becomes uint16", int64(65535), uint16(7), 65535, true},
		{"too large", int64(1 << 40), int32(7), 7, false},
		{"negative", int64(-1), uint64(7), 7, false},
		{"not a number of steps", float32(12), int64(7), 7, false},
		{"a vector", []int64{12}, int64(7), 7, false},
		{"none before", nil, int64(7), 500, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			g := tf.NewGraph()
			variable(t, g, "w", float32(3))
			if test.was != nil {
				variable(t, g, tf.GlobalStep, test.was)
			}
			s := newSaver(t, g, nil)
			mustSave(t, s, initialized(t, g), filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: saver.Step(500)})
			require.NoError(t, s.Close())

			g = tf.NewGraph()
			variable(t, g, "w", float32(0))
			variable(t, g, tf.GlobalStep, test.is)
			s = newSaver(t, g, nil)
			r, err := s.Resume(ctx, initialized(t, g), folder, &saver.ResumeOptions{Partial: true})
			require.NoError(t, err)
			assert.Equal(t, test.step, r.Step)
			assert.Equal(t, !test.restored, len(r.Report.NotRestored) > 0)
		})
	}
}

// An error of the caller's function does not say that the newest checkpoint is damaged.
func TestErrorsOfFunctionsSkipNoCheckpoint(t *testing.T) {
	folder := t.TempDir()
	g := tf.NewGraph()
	variable(t, g, "w", float32(3))
	s := newSaver(t, g, nil)
	sess := initialized(t, g)
	for step := range 2 {
		mustSave(t, s, sess, filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: saver.Step(step)})
	}
	require.NoError(t, s.Close())
	for _, want := range []error{tfkeep.ErrNotFound, tfkeep.ErrUnsupported, fs.ErrNotExist, errors.New("mine")} {
		calls := 0
		fail := func() error {
			if calls++; calls == 1 {
				return want
			}
			return nil
		}
		g := tf.NewGraph()
		variable(t, g, "w", float64(0))
		s := newSaver(t, g, nil)
		r, err := s.Resume(ctx, initialized(t, g), folder, &saver.ResumeOptions{Adapt: func(context.Context, saver.Wanted, *checkpoint.Reader) (*checkpoint.Tensor, error) {
			return &checkpoint.Tensor{DType: dtype.Float64, Shape: []int64{}, Data: make([]byte, 8)}, fail()
		}})
		require.ErrorIs(t, err, want, "%v", r)
		assert.ErrorContains(t, err, "m-1: adapt variable w")
		require.NoError(t, s.Close())

		calls = 0
		g = tf.NewGraph()
		variable(t, g, "w", float32(0))
		s = newSaver(t, g, &saver.Options{AfterRestore: func(context.Context, *tf.Session) error { return fail() }})
		_, err = s.Resume(ctx, initialized(t, g), folder, nil)
		require.ErrorIs(t, err, want)
		require.NoError(t, s.Close())
	}
}

// While the clock of a training is set back, checkpoints are still kept for good.
func TestKeepEveryWithAClockSetBack(t *testing.T) {
	folder := t.TempDir()
	now := time.Unix(2_000_000_000, 0)
	g, _, _ := model(t)
	s := newSaver(t, g, &saver.Options{MaxToKeep: 1, KeepEvery: time.Hour, Clock: func() time.Time { return now }})
	sess := initialized(t, g)
	save := func(saves int) {
		for range saves {
			now = now.Add(10 * time.Minute)
			mustSave(t, s, sess, filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: saver.Step(now.Unix()), NoMetaGraph: true})
		}
	}
	save(13)
	now = now.Add(-1000 * time.Hour)
	save(19)
	indexes, err := filepath.Glob(filepath.Join(folder, "*.index"))
	require.NoError(t, err)
	assert.GreaterOrEqual(t, len(indexes), 4, "%v", indexes)
	assert.LessOrEqual(t, len(indexes), 7, "%v", indexes)
}

func TestValueOfGlobalStep(t *testing.T) {
	g := tf.NewGraph()
	v := variable(t, g, "n", uint8(200))
	sess := initialized(t, g)
	n, err := saver.Step(v).Value(ctx, sess)
	require.NoError(t, err)
	assert.EqualValues(t, 200, n)
	n, err = saver.Step(7).Value(ctx, nil)
	require.NoError(t, err)
	assert.EqualValues(t, 7, n)
	_, err = saver.Step(v).Value(ctx, nil)
	require.ErrorIs(t, err, tfkeep.ErrArgument)
}
