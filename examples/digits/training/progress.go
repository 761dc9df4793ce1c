package training

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Progress shows steps and loss on standard output while a training runs: as a bar on a
// terminal, and otherwise as a line every two seconds.
type Progress struct {
	bar   *progressbar.ProgressBar // nil if standard output is not a terminal
	shown time.Time
	until int64
}

// NewProgress starts a display that goes from step from to step until.
func NewProgress(from, until int64) *Progress {
	p := &Progress{until: until, shown: time.Now()}
	if term.IsTerminal(int(os.Stdout.Fd())) {
		p.bar = progressbar.NewOptions64(until,
			progressbar.OptionSetWriter(os.Stdout),
			progressbar.OptionSetDescription("training"),
			progressbar.OptionShowCount(),
			// The bar of a resumed training starts in the middle, which would distort
			// the prediction.
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(50*time.Millisecond),
			progressbar.OptionOnCompletion(func() { fmt.Println() }),
		)
		_ = p.bar.Set64(from) // an error of the terminal must not stop the training
	}
	return p
}

// Step shows a step and its loss; it can be used as Options.AfterStep.
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
