package saver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/tfkeep/tfkeep/internal/parallel"
	"github.com/tfkeep/tfkeep/tf"
)

// gatherer knows the ways to the servers that a session works on. It is kept from
// one save to the next.
type gatherer struct {
	s     *Saver
	sess  *tf.Session
	main  *route
	parts *taskParts // nil where all goes through sess

	mu     sync.Mutex
	direct map[task]*route
}

// route is a session and the outputs in its graph.
type route struct {
	sess  *tf.Session
	graph *tf.Graph
	parts *taskParts // nil: the Saver's own graph
	once  sync.Once
	err   error
}

// directTimeout bounds the runs of the Saver's own sessions where the session that
// it was given has no OperationTimeout: a server that is gone must not hang it.
const directTimeout = time.Minute

// dialTimeout bounds the connecting to a server, where OperationTimeout isn't
// shorter.
const dialTimeout = 5 * time.Second

// gathererFor makes ready for a session, or takes what was made for it before.
func (s *Saver) gathererFor(sess *tf.Session) (*gatherer, error) {
	s.gathers.Lock()
	defer s.gathers.Unlock()
	if s.gatherer != nil && s.gatherer.sess == sess {
		return s.gatherer, nil
	}
	g := &gatherer{s: s, sess: sess, main: &route{sess: sess, graph: s.g}, direct: map[task]*route{}}
	o := sess.Options()
	if s.opts.Gather != nil && s.opts.Gather.Cluster != nil && !o.Isolate && !o.Config.GetIsolateSessionState() {
		var err error
		if g.parts, err = s.plans.forTasks(s); err != nil {
			return nil, err
		}
	}
	s.closeLater(s.gatherer)
	s.gatherer = g
	return g, nil
}

// closeLater closes a gatherer, nil too, behind the caller's back: a session whose
// server is gone takes OperationTimeout for it. The Saver's Close waits for it.
func (s *Saver) closeLater(g *gatherer) {
	if g != nil {
		s.closing.Go(g.close)
	}
}

// forget closes the sessions of a gatherer that failed, so that the next save or
// restore begins with new ones.
func (g *gatherer) forget() {
	g.s.gathers.Lock()
	defer g.s.gathers.Unlock()
	if g.s.gatherer == g {
		g.s.gatherer = nil
		g.s.closeLater(g)
	}
}

// close closes the sessions that the gatherer has opened. That they can't be
// closed because their server is gone is of no consequence.
func (g *gatherer) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.direct {
		if r.sess != nil {
			_ = r.sess.Close()
		}
	}
	g.direct = map[task]*route{}
}

// owner is the task to ask for a tensor of the save plan, or else of the restore
// plan; none if the session is to be asked.
func (g *gatherer) owner(i int, saved bool) task {
	if g.parts == nil {
		return task{}
	}
	owner := g.parts.restored[i]
	if saved {
		owner = g.parts.saved[i]
	}
	if _, err := g.s.opts.Gather.Cluster.TaskAddress(owner.job, owner.index); err != nil {
		return task{}
	}
	return owner
}

// route is the way to a task, opened when it is first used.
func (g *gatherer) route(to task) (*route, error) {
	if to == (task{}) {
		return g.main, nil
	}
	g.mu.Lock()
	r := g.direct[to]
	if r == nil {
		r = &route{parts: g.parts}
		g.direct[to] = r
	}
	g.mu.Unlock()
	r.once.Do(func() { r.err = g.open(r, to) })
	return r, r.err
}

func (g *gatherer) open(r *route, to task) error {
	address, err := g.s.opts.Gather.Cluster.TaskAddress(to.job, to.index)
	if err != nil {
		return err
	}
	r.graph = tf.NewGraph()
	if _, err := tf.ImportGraphDef(r.graph, g.parts.graphs[to], &tf.ImportGraphDefOptions{NoPrefix: true}); err != nil {
		return fmt.Errorf("saver: the variables of %v: %w", to, err)
	}
	o := g.sess.Options()
	o.Target = "grpc://" + address
	o.DeviceFilters = []string{to.String()}
	o.DisableGrappler = true
	if o.OperationTimeout == 0 && o.Config.GetOperationTimeoutInMs() == 0 {
		o.OperationTimeout = directTimeout
	}
	r.sess, err = tf.NewSession(r.graph, &o)
	return err
}

// reach connects to the servers of some tensors, and hangs up: a run waits for a
// master that is gone as long as its timeout, and a connection fails at once.
func (g *gatherer) reach(ctx context.Context, n int, owner func(int) task) error {
	tasks := map[task]bool{}
	for i := range n {
		tasks[owner(i)] = true
	}
	delete(tasks, task{})
	dialer := net.Dialer{Timeout: dialTimeout}
	if limit := g.sess.Options().OperationTimeout; limit > 0 {
		dialer.Timeout = min(limit, dialTimeout)
	}
	for to := range tasks {
		address, err := g.s.opts.Gather.Cluster.TaskAddress(to.job, to.index)
		if err != nil {
			return err
		}
		connection, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			g.forget()
			return fmt.Errorf("saver: %v of Gather.Cluster: %w", to, &tf.Error{Code: tf.ErrUnavailable.(tf.Code), Message: err.Error()})
		}
		connection.Close()
	}
	return nil
}

// source is the tensor to fetch for one of the save plan.
func (r *route) source(g *gathering, i int) (tf.Output, error) {
	if r.parts == nil {
		return g.sources[i], nil
	}
	return r.graph.OutputByName(g.plan.tensors[i].source)
}

// each calls f for each task that has some of the wanted tensors, at once, with
// the places of these in wanted. An error says which server it is about.
func (g *gatherer) each(ctx context.Context, wanted []int, owner func(int) task, f func(context.Context, *route, []int) error) error {
	// A longer time is for nodes that save all at once; a batch is a short run.
	ctx = tf.WithOperationTimeout(ctx, 0)
	places := map[task][]int{}
	for place, i := range wanted {
		to := owner(i)
		places[to] = append(places[to], place)
	}
	tasks := slices.Collect(maps.Keys(places))
	// A task goes on when another one fails: no run is abandoned.
	return parallel.Each(ctx, len(tasks), len(tasks), func(_ context.Context, i int) error {
		to := tasks[i]
		r, err := g.route(to)
		if err == nil {
			err = f(ctx, r, places[to])
		}
		if err != nil && to != (task{}) && !errors.Is(err, ErrUninitialized) {
			err = fmt.Errorf("%v: %w", to, err)
		}
		return err
	})
}
