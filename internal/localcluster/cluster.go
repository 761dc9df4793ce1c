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

// Options say what cluster to start. Only Jobs has to be set.
type Options struct {
	// Jobs are the numbers of tasks of the jobs, such as {"ps": 2, "worker": 1}.
	Jobs map[string]int
	// Command makes the process of a task, which learns from TF_CONFIG in its
	// environment who it is, and behaves as Serve does. Nil is this program again,
	// which calls Main; "tfkeep-server --while-stdin" would do too.
	Command func(job string, task int) *exec.Cmd
	// Dir gives the working directory of a task; nil is this process's. A folder
	// for each stands for hosts that share no disk.
	Dir func(job string, task int) string
	// Env are variables for all of them, "KEY=value", beside this process's own.
	Env []string
	// Log gets what the processes write to standard error, a line in each Write.
	// Nil drops it, but for the end of it, which is in the error of a process that
	// does not come up.
	Log io.Writer
	// StartTimeout bounds the wait for each process to be up; 0 is 30 seconds.
	StartTimeout time.Duration
}

// Cluster is a running cluster. It is safe for many goroutines.
type Cluster struct {
	spec    *cluster.Spec
	options Options
	log     *log

	mu      sync.Mutex
	members map[cluster.Task]*member
	stopped bool
}

// attempts is how often ports are chosen anew where somebody else was faster.
const attempts = 5

// Start starts a cluster and returns when each of its servers is up. Stop it.
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
			return nil, fmt.Errorf("localcluster: %s: %w", p, err)
		}
	}
	return c, nil
}

// launch starts the process of a task; the caller has c.mu, or c alone.
func (c *Cluster) launch(p cluster.Task) error {
	var cmd *exec.Cmd
	if c.options.Command != nil {
		cmd = c.options.Command(p.Job, p.Index)
	} else {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("localcluster: %w", err)
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
		return fmt.Errorf("localcluster: %s: %w", p, err)
	}
	c.members[p] = m
	return nil
}

// Spec is the cluster's.
func (c *Cluster) Spec() *cluster.Spec { return c.spec }

// Target is what a session connects to that has the task as its master, "" where
// the cluster has no such task.
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
		return nil, fmt.Errorf("localcluster: there is no %s; the cluster is %s", cluster.Task{Job: job, Index: task}, c.spec)
	}
	return m, nil
}

// Kill kills a task's process with SIGKILL and returns when it is gone, with its
// memory. It does nothing to a process that is gone already.
func (c *Cluster) Kill(job string, task int) error {
	m, err := c.member(job, task)
	if err != nil {
		return err
	}
	return m.kill()
}

// Wait waits until a task's process has ended by itself, or was killed, and gives
// the error that it ended with: an *exec.ExitError where its exit code is not 0.
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

// Pid is the number of a task's process, 0 where there is no such task.
func (c *Cluster) Pid(job string, task int) int {
	m, err := c.member(job, task)
	if err != nil {
		return 0
	}
	return m.cmd.Process.Pid
}

// Pause stops a task's process by SIGSTOP: its connections stay, and nobody
// answers, as with a host that vanished from the network. Continue or Kill it.
func (c *Cluster) Pause(job string, task int) error {
	if err := c.signal(job, task, syscall.SIGSTOP); err != nil {
		return err
	}
	m, err := c.member(job, task)
	if err != nil {
		return err
	}
	return m.stopped()
}

// Continue lets a paused process go on.
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

// Restart kills a task's process, if it is there, and starts it again at the same
// address, without a memory of what it was. It returns when the server is up.
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
		return errors.New("localcluster: the cluster is stopped")
	}
	err = c.launch(p)
	m := c.members[p]
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if err := m.ready(ctx, c.options.StartTimeout); err != nil {
		return fmt.Errorf("localcluster: %s: %w", p, err)
	}
	return nil
}

// Stop ends all processes and returns when they are gone. A second call does
// nothing.
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
