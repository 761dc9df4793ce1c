package ui

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// Progress is a bar on standard error. All its methods may be called on nil
// and from many goroutines.
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

// NewProgress begins a bar for work of the given total, or gives nil where
// nobody would see it. unit writes amounts, as [Size] and [Count] do.
func (c *Console) NewProgress(what string, total int64, unit func(int64) string) *Progress {
	if !c.errTerm || total <= 0 {
		return nil
	}
	return &Progress{c: c, what: what, unit: unit, total: total, start: time.Now()}
}

// Add counts work that was done.
func (p *Progress) Add(n int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set(p.done + n)
}

// Set shows how much work is done, and how much there is if total is known (not 0).
func (p *Progress) Set(done, total int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if total > 0 {
		p.total = total
	}
	p.set(done)
}

func (p *Progress) set(done int64) {
	p.done = min(done, p.total)
	now := time.Now()
	if p.ended || now.Sub(p.start) < progressDelay || now.Sub(p.last) < progressInterval {
		return
	}
	p.last, p.shown = now, true
	fmt.Fprint(p.c.Err, "\r\x1b[K"+p.line(now))
}

func (p *Progress) line(now time.Time) string {
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

// Clear takes the bar away for the next output. It comes back with more work.
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

// Done removes the bar for good. It may be called more than once.
func (p *Progress) Done() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.ended = true
}
