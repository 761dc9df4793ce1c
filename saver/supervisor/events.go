package supervisor

import (
	"fmt"
	"strings"
	"time"

	"github.com/tfkeep/tfkeep/saver"
)

// EventKind is what happened to a training.
type EventKind string

// The kinds of events. Each comment lists the fields of [Event] that are set.
const (
	// Lost means that the body returned an error that Run recovers from: Err, Tasks.
	Lost EventKind = "lost"
	// Retrying means that an attempt to make the model ready failed and that the
	// next one starts after Pause: Err, Tasks, Attempts, Took, Pause.
	Retrying EventKind = "retrying"
	// Waiting means that another process saves in Options.Dir, and that Run waits for its
	// end (Options.Resume): Err names the process.
	Waiting EventKind = "waiting"
	// Resumed means that the chief restored a checkpoint: Step, Path, Checkpoint.
	Resumed EventKind = "resumed"
	// Initialized means that the chief found no checkpoint and initialized the model.
	Initialized EventKind = "initialized"
	// Kept means that the servers still hold the whole model as it was before the
	// loss, so that nothing was restored.
	Kept EventKind = "kept"
	// Ready means that the body is about to be called: Step, Calls, Attempts, Took.
	Ready EventKind = "ready"
	// Saved means that a checkpoint was saved: Step, Path, Took.
	Saved EventKind = "saved"
	// SaveFailed means that a checkpoint could not be saved: Step, Err.
	SaveFailed EventKind = "save failed"
	// Stopping means that the context of Run is done, and that the training ends after the
	// step under way and a save: Err is the cause, Pause the time that this may take.
	Stopping EventKind = "stopping"
	// Overdue means that the body has not returned although its context is done and its runs
	// were ended a second ago, the grace period being over: Err is the cause of the end. Run
	// waits for the body; if it waits for something of its own, that must end with its context.
	Overdue EventKind = "overdue"
)

// Event is something that happened to a training. Fields that a kind does not set
// are zero.
type Event struct {
	Kind EventKind
	// Step is the global step: the step of the checkpoint, or Running.Step.
	Step int64
	// Path is the prefix of the checkpoint that was saved or restored.
	Path string
	// Checkpoint is everything that is known about the restored checkpoint.
	Checkpoint *saver.Resumed
	// Err is the error of the body or of the attempt.
	Err error
	// Tasks are the tasks that are gone, as far as that is known.
	Tasks []Task
	// Attempts is the number of attempts in this outage to make the model ready.
	Attempts int
	// Calls is the number of calls of the body, including this one.
	Calls int
	// Took is the time since the loss, or since Run was called; for Saved it is
	// the time from the begin of the save to its end.
	Took time.Duration
	// Pause is the time until the next attempt, or until the training ends.
	Pause time.Duration
}

// String returns the event as one line for a log.
func (e Event) String() string {
	took := e.Took.Round(time.Millisecond)
	switch e.Kind {
	case Lost:
		var tasks strings.Builder
		for _, t := range e.Tasks {
			tasks.WriteString(" " + t.String())
		}
		return "lost" + tasks.String() + ": " + oneLine(e.Err)
	case Retrying:
		return fmt.Sprintf("not ready after %v and %d attempt(s), trying again in %v: %s",
			took, e.Attempts, e.Pause.Round(time.Millisecond), oneLine(e.Err))
	case Resumed:
		s := fmt.Sprintf("resumed from %s at step %d", e.Path, e.Step)
		if e.Checkpoint != nil && len(e.Checkpoint.Skipped) > 0 {
			s += fmt.Sprintf(", skipped %d damaged file(s)", len(e.Checkpoint.Skipped))
		}
		if e.Checkpoint != nil && e.Checkpoint.Report != nil {
			s += changes(e.Checkpoint.Report)
		}
		return s
	case Waiting:
		return "waiting: " + inWords(e.Err)
	case Initialized:
		return "initialized: no checkpoint was found"
	case Kept:
		return "the servers still hold the model"
	case Ready:
		return fmt.Sprintf("ready at step %d after %v and %d attempt(s)", e.Step, took, e.Attempts)
	case SaveFailed:
		return fmt.Sprintf("step %d is not saved: %s", e.Step, oneLine(e.Err))
	case Stopping:
		return fmt.Sprintf("stopping within %v: %s", e.Pause, oneLine(e.Err))
	case Overdue:
		return "the grace period is over, and the body has not returned; it must return when its context is done: " + oneLine(e.Err)
	case Saved:
		return fmt.Sprintf("saved %s in %v", e.Path, took)
	}
	return string(e.Kind)
}

// changes tells what a checkpoint and a changed model do not have in common.
func changes(r *saver.RestoreReport) string {
	var s string
	if len(r.NotRestored) > 0 {
		s += "; initialized, because the checkpoint has no value that fits: " + abbreviate(r.NotRestored)
	}
	if len(r.Unused) > 0 {
		s += "; not used of the checkpoint: " + abbreviate(r.Unused)
	}
	return s
}

// inWords returns the text of an error as one line.
func inWords(err error) string {
	if err == nil {
		return ""
	}
	var words []string
	for _, w := range strings.Fields(err.Error()) {
		if strings.Trim(w, "=") != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

// oneLine shortens TensorFlow's messages, which can be many lines long.
func oneLine(err error) string {
	const limit = 200
	line := inWords(err)
	if len(line) > limit {
		// The end often has the reason, after the names of files.
		const end = limit / 3
		line = strings.ToValidUTF8(line[:limit-end], "") + " … " + strings.ToValidUTF8(line[len(line)-end:], "")
	}
	return line
}
