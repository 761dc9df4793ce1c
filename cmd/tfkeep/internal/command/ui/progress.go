package ui

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// Progress is a progress bar on standard error. Its methods may be called on nil, and
// concurrently.
type Progress struct {
	c     *Console
	what  string
	unit  func(int64) string
	total int64

	mu    sync.Mutex
	done  int64
	shown bool
	ended bool
	start time.Time
	last  time.Time
}

const (
	progressDelay    = 400 * time.Millisecond // shorter work shows no bar
	progressInterval = 100 * time.Millisecond
	progressWidth    = 30
)

// NewProgress begins a progress bar, or returns nil if standard error is not a terminal.
// unit formats amounts of work, as [Size] and [Count] do.
func (c *Console) NewProgress(what string, unit func(int64) string) *Progress {
	if !c.errTerm {
		return nil
	}
	return &Progress{c: c, what: what, unit: unit, start: time.Now()}
}

// Set shows how much work is done, of a total that is 0 if it is not known.
func (p *Progress) Set(done, total int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.total = done, total
	if total > 0 {
		p.done = min(done, total)
	}
	now := time.Now()
	if p.ended || now.Sub(p.start) < progressDelay || now.Sub(p.last) < progressInterval {
		return
	}
	p.last, p.shown = now, true
	fmt.Fprint(p.c.Err, "\r\x1b[K"+p.line(now))
}

func (p *Progress) line(now time.Time) string {
	if p.total <= 0 {
		return fmt.Sprintf("%s %s", p.what, p.unit(p.done))
	}
	share := float64(p.done) / float64(p.total)
	full := int(share * progressWidth)
	bar := strings.Repeat("█", full) + strings.Repeat("░", progressWidth-full)
	line := fmt.Sprintf("%s %s %3.0f%%  %s of %s", p.what, paint(p.c.errColor, Cyan, bar), 100*share, p.unit(p.done), p.unit(p.total))
	if elapsed := now.Sub(p.start); share > 0.02 {
		left := time.Duration(float64(elapsed) * (1 - share) / share)
		line += fmt.Sprintf("  %s left", left.Round(time.Second))
	}
	return line
}

// Clear removes the bar before other output. It returns with the next Set.
func (p *Progress) Clear() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

func (p *Progress) clear() {
	if p.shown {
		fmt.Fprint(p.c.Err, "\r\x1b[K")
		p.shown = false
	}
}

// Done removes the bar and ends it. It may be called more than once.
func (p *Progress) Done() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.ended = true
}
