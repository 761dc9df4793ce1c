package supervisor

import (
	"fmt"
	"strings"
	"time"

	"github.com/tfkeep/tfkeep/saver"
)

// Event is something that happens to a training: one of the types Lost, Retrying,
// Resumed, Initialized, Kept, Ready and Saved. String says it in a line for a
// log.
type Event interface {
	fmt.Stringer
	event()
}

// Lost: a run of the body ended with an error that Run recovers from.
type Lost struct {
	Err   error
	Tasks []Task // those that are gone, as far as the error tells
}

// Retrying: an attempt to get the model ready has failed, and the next one
// follows after Pause.
type Retrying struct {
	Err      error
	Tasks    []Task // those that do not answer, as far as that is known
	Attempts int    // in this outage
	For      time.Duration
	Pause    time.Duration
}

// Resumed: the chief has restored a checkpoint.
type Resumed struct{ *saver.Resumed }

// Initialized: there was no checkpoint, and the chief has initialized the model.
type Initialized struct{}

// Kept: the servers still hold the model as it was before the loss, all of it,
// and nothing was restored.
type Kept struct{}

// Ready: the body is about to be called.
type Ready struct {
	Step     int64         // as Running.Step
	Calls    int           // of the body, with this one
	Attempts int           // that it took
	After    time.Duration // since the loss, or since Run was called
}

// Saved: a checkpoint was saved.
type Saved struct {
	Path string
	Took time.Duration
}

func (Lost) event()        {}
func (Retrying) event()    {}
func (Resumed) event()     {}
func (Initialized) event() {}
func (Kept) event()        {}
func (Ready) event()       {}
func (Saved) event()       {}

func (e Lost) String() string { return "lost" + named(e.Tasks) + ": " + short(e.Err) }

func (e Retrying) String() string {
	return fmt.Sprintf("not ready after %v and %d attempt(s), again in %v: %s",
		e.For.Round(time.Millisecond), e.Attempts, e.Pause.Round(time.Millisecond), short(e.Err))
}

func (e Resumed) String() string {
	s := fmt.Sprintf("resumed from %s at step %d", e.Path, e.Step)
	if n := len(e.Skipped); n > 0 {
		s += fmt.Sprintf(", %d damaged checkpoint(s) skipped", n)
	}
	return s
}

func (Initialized) String() string { return "initialized: there was no checkpoint" }

func (Kept) String() string { return "the servers still hold the model" }

func (e Ready) String() string {
	return fmt.Sprintf("ready at step %d after %v and %d attempt(s)", e.Step, e.After.Round(time.Millisecond), e.Attempts)
}

func (e Saved) String() string {
	return fmt.Sprintf("saved %s in %v", e.Path, e.Took.Round(time.Millisecond))
}

func named(tasks []Task) string {
	var b strings.Builder
	for _, t := range tasks {
		b.WriteString(" " + t.String())
	}
	return b.String()
}

// short makes a line of TensorFlow's messages, which go on for many.
func short(err error) string {
	const most = 200
	var words []string
	for _, w := range strings.Fields(err.Error()) {
		if strings.Trim(w, "=") != "" {
			words = append(words, w)
		}
	}
	line := strings.Join(words, " ")
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most], "") + " …"
	}
	return line
}
