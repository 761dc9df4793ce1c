package saver

import (
	"math"
	"time"
)

// defaultKeepEvery is TensorFlow's default, which means practically never.
const defaultKeepEvery = 10000 * time.Hour

// Checkpoint is one entry of a Saver's list of kept checkpoints.
type Checkpoint struct {
	// Path is what Save returned and what Restore takes.
	Path string
	// Time is when the checkpoint was written. The zero time means "later than
	// anything": such a checkpoint is never deleted.
	Time time.Time
}

func (c Checkpoint) after(t time.Time) bool { return c.Time.IsZero() || c.Time.After(t) }

// retention decides which checkpoints stay. It is TensorFlow's state machine
// (python/training/saver.py, _RecordLastCheckpoint and
// _MaybeDeleteOldCheckpoints), without files and without a clock: it receives times and
// returns decisions.
type retention struct {
	maxToKeep int           // 0 records nothing and deletes nothing
	keepEvery time.Duration // 0 < keepEvery
	nextKeep  time.Time     // a checkpoint written after this is kept for good
	resumed   time.Time     // when this process continued another's retention; zero if it did not
	recorded  time.Time     // when the last checkpoint was recorded
	last      []Checkpoint  // oldest first
	doomed    []Checkpoint  // pushed out of last, and not decided upon yet
}

func newRetention(maxToKeep int, every time.Duration, now time.Time) retention {
	return retention{maxToKeep: maxToKeep, keepEvery: every, nextKeep: now.Add(every)}
}

// hours returns a number of hours as a Duration, or the longest one if it is more.
func hours(h float64) time.Duration {
	ns := h * float64(time.Hour)
	if !(ns < math.MaxInt64) {
		return math.MaxInt64
	}
	return time.Duration(ns)
}

// record adds a checkpoint. If its path is in the list, it moves to the end. If the list
// is longer than maxToKeep then, the oldest entry is pushed out.
func (r *retention) record(path string, now time.Time) {
	if r.maxToKeep <= 0 {
		return
	}
	if now.Before(r.recorded) && r.nextKeep.Sub(now) > r.keepEvery { // the clock was set back
		r.nextKeep = now.Add(r.keepEvery)
	}
	r.recorded = now
	kept := r.last[:0:0]
	for _, c := range r.last {
		if c.Path != path {
			kept = append(kept, c)
		}
	}
	r.last = append(kept, Checkpoint{Path: path, Time: now})
	if len(r.last) > r.maxToKeep {
		r.doomed = append(r.doomed, r.last[0])
		r.last = r.last[1:]
	}
}

// next takes the oldest checkpoint that was pushed out, and returns whether to remove
// its files. As in TensorFlow, a checkpoint written after nextKeep is kept for good, and
// adds keepEvery to nextKeep.
func (r *retention) next() (c Checkpoint, remove, ok bool) {
	if len(r.doomed) == 0 {
		return Checkpoint{}, false, false
	}
	c, r.doomed = r.doomed[0], r.doomed[1:]
	r.skipPause(c)
	if c.after(r.nextKeep) {
		r.nextKeep = r.nextKeep.Add(r.keepEvery)
		return c, false, true
	}
	return c, true, true
}

// keepsSome reports whether checkpoints are kept for good, so that state files have the
// time at which the last one was.
func (r *retention) keepsSome() bool { return r.keepEvery != defaultKeepEvery }

// continueKeeping continues the retention of another process, which kept a checkpoint for
// good at the time last. A time that is still to come is that of a clock that was wrong.
func (r *retention) continueKeeping(last, now time.Time) {
	if last.After(now) {
		last = now
	}
	r.nextKeep, r.resumed = last.Add(r.keepEvery), now
}

// skipPause is called before the decision about c. If the training has paused for longer than
// keepEvery, the first checkpoint after that is kept, and not one for each interval of the
// pause. What the other process wrote before is decided upon as if there had been no pause.
func (r *retention) skipPause(c Checkpoint) {
	if r.resumed.IsZero() || c.Time.Before(r.resumed) {
		return
	}
	if r.resumed.Sub(r.nextKeep) > r.keepEvery {
		r.nextKeep = r.resumed
	}
	r.resumed = time.Time{}
}

func (r *retention) paths() []string {
	paths := make([]string, len(r.last))
	for i, c := range r.last {
		paths[i] = c.Path
	}
	return paths
}

// clone returns a copy on which a save makes its decisions before its files are safe.
func (r *retention) clone() retention {
	c := *r
	c.last = append([]Checkpoint(nil), r.last...)
	c.doomed = append([]Checkpoint(nil), r.doomed...)
	return c
}
