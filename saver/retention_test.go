package saver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func at(seconds float64) time.Time {
	return time.Unix(0, int64(seconds*1e9))
}

// decide records one save, and returns what is deleted and what is kept for good.
func decide(r *retention, path string, now time.Time) (deleted, kept string) {
	r.record(path, now)
	c, remove, ok := r.next()
	switch {
	case !ok:
	case remove:
		deleted = c.Path
	default:
		kept = c.Path
	}
	return deleted, kept
}

func TestMaxToKeepStateMachine(t *testing.T) {
	r := newRetention(2, defaultKeepEvery, at(0))
	steps := []struct{ save, deleted string }{
		{"s1", ""}, {"s2", ""}, {"s3", "s1"},
		{"s2", ""}, // saved again: moves to the end, nothing goes
		{"s1", "s3"},
	}
	lists := [][]string{{"s1"}, {"s1", "s2"}, {"s2", "s3"}, {"s3", "s2"}, {"s2", "s1"}}
	for i, s := range steps {
		deleted, kept := decide(&r, s.save, at(float64(i)))
		assert.Equal(t, s.deleted, deleted, "save %d", i)
		assert.Empty(t, kept)
		assert.Equal(t, lists[i], r.paths(), "save %d", i)
	}
}

func TestMaxToKeepZeroRecordsNothing(t *testing.T) {
	r := newRetention(0, defaultKeepEvery, at(0))
	for _, p := range []string{"a", "b", "c"} {
		deleted, kept := decide(&r, p, at(1))
		assert.Empty(t, deleted)
		assert.Empty(t, kept)
	}
	assert.Empty(t, r.paths())
}

// The expected values are those of TensorFlow 2.21, for a Saver that is built at t=1000,
// keeps a checkpoint every half second, and saves every 0.2 s from t=1001 on.
func TestKeepEveryTrace(t *testing.T) {
	r := newRetention(2, time.Second/2, at(1000))
	want := []struct {
		deleted, kept string
		next          float64
	}{
		{"", "", 1000.5}, {"", "", 1000.5},
		{"", "s1", 1001.0}, {"", "s2", 1001.5},
		{"s3", "", 1001.5}, {"", "s4", 1002.0},
	}
	for i, w := range want {
		deleted, kept := decide(&r, []string{"s1", "s2", "s3", "s4", "s5", "s6"}[i], at(1001+0.2*float64(i)))
		assert.Equal(t, w.deleted, deleted, "save %d", i+1)
		assert.Equal(t, w.kept, kept, "save %d", i+1)
		assert.WithinDuration(t, at(w.next), r.nextKeep, time.Microsecond, "save %d", i+1)
	}
}

// Checkpoints without a time are never deleted, and each adds to the time after which the
// next one is kept. In TensorFlow their time is +inf.
func TestUntimedCheckpointsAreKept(t *testing.T) {
	r := newRetention(2, time.Hour, at(0))
	r.last = []Checkpoint{{Path: "b"}, {Path: "c"}}
	deleted, kept := decide(&r, "d", at(1))
	assert.Empty(t, deleted)
	assert.Equal(t, "b", kept)
	deleted, kept = decide(&r, "e", at(2))
	assert.Empty(t, deleted)
	assert.Equal(t, "c", kept)
	assert.Equal(t, at(3*3600), r.nextKeep)
	deleted, _ = decide(&r, "f", at(3))
	assert.Equal(t, "d", deleted)
}

func TestHoursDoNotOverflow(t *testing.T) {
	r := newRetention(1, hours(1e300), at(0))
	decide(&r, "a", at(1))
	deleted, _ := decide(&r, "b", at(2))
	assert.Equal(t, "a", deleted)
}
