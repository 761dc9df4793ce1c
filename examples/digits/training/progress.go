package training

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Progress shows steps and loss on standard output while training runs: as a bar on a
// terminal, else as a line now and then.
type Progress struct {
	bar   *progressbar.ProgressBar // nil where there is no terminal
	shown time.Time
	until int64
}

// NewProgress starts a display that goes from one step to another.
func NewProgress(from, until int64) *Progress {
	p := &Progress{until: until, shown: time.Now()}
	if term.IsTerminal(int(os.Stdout.Fd())) {
		p.bar = progressbar.NewOptions64(until,
			progressbar.OptionSetWriter(os.Stdout),
			progressbar.OptionSetDescription("training"),
			progressbar.OptionShowCount(),
			// A resumed bar starts in the middle, from which no speed can be told.
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(50*time.Millisecond),
			progressbar.OptionOnCompletion(func() { fmt.Println() }),
		)
		_ = p.bar.Set64(from) // a terminal that can't be written to must not stop a training
	}
	return p
}

// Step is for Options.AfterStep.
func (p *Progress) Step(step int64, loss float32) {
	now := time.Now()
	switch {
	case p.bar == nil && (step == p.until || now.Sub(p.shown) > 2*time.Second):
		fmt.Printf("training: step %d of %d, loss %.3f\n", step, p.until, loss)
		p.shown = now
	case p.bar != nil:
		if now.Sub(p.shown) > 200*time.Millisecond {
			p.bar.Describe(fmt.Sprintf("training, loss %.3f", loss))
			p.shown = now
		}
		_ = p.bar.Set64(step)
	}
}
