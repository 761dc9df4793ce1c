package localcluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/tfkeep/tfkeep/tf/cluster"
)

// Options are the options of Start. Only Jobs has to be set.
type Options struct {
	// Jobs has the number of tasks of each job, such as {"ps": 2, "worker": 1}.
	Jobs map[string]int
	// Command returns the process of a task. The process reads its place from TF_CONFIG
	// in its environment, and behaves as serve.Run does. Nil means this program, which calls
	// Main; "tfkeep-server --while-stdin" works too.
	Command func(job string, task int) *exec.Cmd
	// Dir returns the working directory of a task; nil means that of this process.
	// Different folders simulate hosts that share no disk.
	Dir func(job string, task int) string
	// Env are environment variables for all tasks, "KEY=value", in addition to those of
	// this process.
	Env []string
	// Log gets what the processes write to standard error, one line in each Write. With
	// nil, only the error of a process that does not come up has the end of it.
	Log io.Writer
	// StartTimeout is the limit of the wait for each process; 0 means 30 seconds.
	StartTimeout time.Duration
}

// Cluster is a running cluster. It is safe for concurrent use.
type Cluster struct {
	spec    *cluster.Spec
	options Options
	log     *log

	mu      sync.Mutex
	members map[cluster.Task]*member
	stopped bool
}

// attempts is how often Start chooses ports, if other processes take them.
const attempts = 5

// Start starts a cluster and returns when all its servers are up. Call Stop at the end.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	if o.StartTimeout == 0 {
		o.StartTimeout = 30 * time.Second
	}
	var err error
	for range attempts {
		var c *Cluster
		if c, err = start(ctx, o); err == nil {
			return c, nil
		}
		if !errors.Is(err, errPortTaken) {
			break
		}
	}
	return nil, err
}

func start(ctx context.Context, o Options) (*Cluster, error) {
	var total int
	for _, n := range o.Jobs {
		total += n
	}
	ports, err := freePorts(total)
	if err != nil {
		return nil, err
	}
	jobs := make(map[string][]string, len(o.Jobs))
	for job, n := range o.Jobs {
		for _, port := range ports[:n] {
			jobs[job] = append(jobs[job], fmt.Sprintf("127.0.0.1:%d", port))
		}
		ports = ports[n:]
	}
	spec, err := cluster.NewSpec(jobs)
	if err != nil {
		return nil, err
	}
	c := &Cluster{spec: spec, options: o, log: &log{to: o.Log}, members: make(map[cluster.Task]*member)}
	for task := range spec.Tasks() {
		if err := c.launch(task); err != nil {
			c.Stop()
			return nil, err
		}
	}
	for p, m := range c.members {
		if err := m.ready(ctx, o.StartTimeout); err != nil {
			c.Stop()
			return nil, fmt.Errorf("start %s: %w", p, err)
		}
	}
	return c, nil
}

// launch starts the process of a task. The caller holds c.mu, or is the only user of c.
func (c *Cluster) launch(p cluster.Task) error {
	var cmd *exec.Cmd
	if c.options.Command != nil {
		cmd = c.options.Command(p.Job, p.Index)
	} else {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		cmd = exec.Command(self)
	}
	config, err := configOf(c.spec, p)
	if err != nil {
		return err
	}
	env := cmd.Env
	if env == nil {
		env = os.Environ()
	}
	cmd.Env = slices.Concat([]string{"TF_CPP_MIN_LOG_LEVEL=2"}, env, c.options.Env, []string{serving + "=serve", "TF_CONFIG=" + config})
	if c.options.Dir != nil {
		cmd.Dir = c.options.Dir(p.Job, p.Index)
	}
	m, err := launch(cmd, c.log)
	if err != nil {
		return fmt.Errorf("start %s: %w", p, err)
	}
	c.members[p] = m
	return nil
}

// Spec returns the tasks and their addresses.
func (c *Cluster) Spec() *cluster.Spec { return c.spec }

// Target returns the Target of sessions that have the task as their master, or "" if the
// cluster has no such task.
func (c *Cluster) Target(job string, task int) string {
	address, err := c.spec.Address(cluster.Task{Job: job, Index: task})
	if err != nil {
		return ""
	}
	return "grpc://" + address
}

func (c *Cluster) member(job string, task int) (*member, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.members[cluster.Task{Job: job, Index: task}]
	if m == nil {
		return nil, fmt.Errorf("there is no %s in the cluster %s", cluster.Task{Job: job, Index: task}, c.spec)
	}
	return m, nil
}

// Kill kills a task's process with SIGKILL and returns when it has ended. It does nothing
// if the process has ended before.
func (c *Cluster) Kill(job string, task int) error {
	m, err := c.member(job, task)
	if err != nil {
		return err
	}
	return m.kill()
}

// Wait waits until a task's process has ended, by itself or killed. It returns an
// *exec.ExitError if the exit code is not 0.
func (c *Cluster) Wait(ctx context.Context, job string, task int) error {
	m, err := c.member(job, task)
	if err != nil {
		return err
	}
	select {
	case <-m.gone:
		return m.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Pid returns the ID of a task's process, or 0 if there is no such task.
func (c *Cluster) Pid(job string, task int) int {
	m, err := c.member(job, task)
	if err != nil {
		return 0
	}
	return m.cmd.Process.Pid
}

// Pause stops a task's process with SIGSTOP: its connections stay open, but it does not
// answer, like a host that disappeared from the network. Call Continue or Kill next.
func (c *Cluster) Pause(job string, task int) error {
	if err := c.signal(job, task, syscall.SIGSTOP); err != nil {
		return err
	}
	m, err := c.member(job, task)
	if err != nil {
		return err
	}
	return m.waitStopped()
}

// Continue lets a paused process continue.
func (c *Cluster) Continue(job string, task int) error {
	return c.signal(job, task, syscall.SIGCONT)
}

func (c *Cluster) signal(job string, task int, s os.Signal) error {
	m, err := c.member(job, task)
	if err != nil {
		return err
	}
	return m.cmd.Process.Signal(s)
}

// Restart kills a task's process, if it is running, and starts it again at the same
// address, without its variables. It returns when the server is up.
func (c *Cluster) Restart(ctx context.Context, job string, task int) error {
	old, err := c.member(job, task)
	if err != nil {
		return err
	}
	if err := old.kill(); err != nil {
		return err
	}
	p := cluster.Task{Job: job, Index: task}
	c.mu.Lock()
	if c.stopped {
		c.mu.Unlock()
		return errors.New("the cluster is stopped")
	}
	err = c.launch(p)
	m := c.members[p]
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if err := m.ready(ctx, c.options.StartTimeout); err != nil {
		return fmt.Errorf("start %s: %w", p, err)
	}
	return nil
}

// Stop ends all processes and returns when they have ended. A second call does nothing.
func (c *Cluster) Stop() {
	c.mu.Lock()
	c.stopped = true
	members := slices.Collect(maps.Values(c.members))
	c.mu.Unlock()
	for _, m := range members {
		m.stdin.Close()
	}
	for _, m := range members {
		m.end()
	}
}
