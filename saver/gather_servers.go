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

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/parallel"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

// serverPool keeps the sessions on servers that gathering has opened from one save or
// restore to the next. Only one save or restore at a time uses it.
type serverPool struct {
	current *servers       // of the last session on a cluster; or nil
	closing sync.WaitGroup // sessions that are being closed in the background
}

// forSession returns the servers that sess works on. With a cluster, the values of
// variables on its servers are exchanged with these directly.
func (p *serverPool) forSession(sess *tf.Session, nodes *saverNodes, spec *cluster.Spec) (*servers, error) {
	if p.current != nil && p.current.sess == sess {
		return p.current, nil
	}
	var parts *savergraph.TaskGraphs
	o := sess.Options()
	if spec != nil && !o.Isolate && !o.Config.GetIsolateSessionState() {
		var err error
		if parts, err = nodes.taskParts(); err != nil {
			return nil, err
		}
	}
	p.closeLater()
	p.current = newServers(sess, nodes.g, spec, parts)
	return p.current, nil
}

// drop closes the sessions on servers after one of them failed, so that the next save or
// restore begins with new sessions. A nil pool has none.
func (p *serverPool) drop(s *servers) {
	if p != nil && p.current == s {
		p.closeLater()
	}
}

// closeLater closes the sessions in the background: a session whose server is gone
// takes up to OperationTimeout to close.
func (p *serverPool) closeLater() {
	if p.current != nil {
		p.closing.Go(p.current.close)
		p.current = nil
	}
}

// close closes all sessions and waits for it.
func (p *serverPool) close() {
	p.closeLater()
	p.closing.Wait()
}

// servers are the servers that a session works on. The Saver exchanges values with them
// through that session, or through sessions of its own on each server.
type servers struct {
	sess  *tf.Session
	spec  *cluster.Spec
	main  *route
	parts *savergraph.TaskGraphs // nil where all values pass through sess

	mu     sync.Mutex // guards direct; taken last, and held for the look-up only
	direct map[savergraph.Task]*route
}

// route is a session, and the graph that it runs.
type route struct {
	sess  *tf.Session
	graph *tf.Graph
	parts *savergraph.TaskGraphs // nil: the graph is the Saver's own
	once  sync.Once
	err   error
}

// directTimeout bounds the runs of the Saver's own sessions where the session that
// it was given has no OperationTimeout: a server that is gone must not hang it.
const directTimeout = time.Minute

// dialTimeout bounds the connecting to a server, where OperationTimeout isn't
// shorter.
const dialTimeout = 5 * time.Second

func newServers(sess *tf.Session, g *tf.Graph, spec *cluster.Spec, parts *savergraph.TaskGraphs) *servers {
	return &servers{
		sess: sess, spec: spec, parts: parts,
		main: &route{sess: sess, graph: g}, direct: map[savergraph.Task]*route{},
	}
}

// close closes the sessions that were opened here. An error is ignored: it means that
// the server is gone.
func (s *servers) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.direct {
		if r.sess != nil {
			_ = r.sess.Close()
		}
	}
	s.direct = map[savergraph.Task]*route{}
}

// savedOn returns the task that has tensor i of the save plan; the zero task stands
// for the session.
func (s *servers) savedOn(i int) savergraph.Task {
	if s.parts == nil {
		return savergraph.Task{}
	}
	return s.known(s.parts.Saved[i])
}

// restoredOn is savedOn for tensor i of the restore plan.
func (s *servers) restoredOn(i int) savergraph.Task {
	if s.parts == nil {
		return savergraph.Task{}
	}
	return s.known(s.parts.Restored[i])
}

// known returns owner if the cluster lists it, else the zero task.
func (s *servers) known(owner savergraph.Task) savergraph.Task {
	if _, err := s.spec.Address(cluster.Task(owner)); err != nil {
		return savergraph.Task{}
	}
	return owner
}

// route returns the route to a task, which is opened when it is first used.
func (s *servers) route(to savergraph.Task) (*route, error) {
	if to == (savergraph.Task{}) {
		return s.main, nil
	}
	s.mu.Lock()
	r := s.direct[to]
	if r == nil {
		r = &route{parts: s.parts}
		s.direct[to] = r
	}
	s.mu.Unlock()
	r.once.Do(func() { r.err = s.open(r, to) })
	return r, r.err
}

func (s *servers) open(r *route, to savergraph.Task) error {
	address, err := s.spec.Address(cluster.Task(to))
	if err != nil {
		return err
	}
	r.graph = tf.NewGraph()
	// The graph has variables only, and later calls use it too: no context ends its import.
	if _, err := tf.ImportGraphDef(context.Background(), r.graph, s.parts.Graphs[to], &tf.ImportGraphDefOptions{NoPrefix: true}); err != nil {
		return fmt.Errorf("import the variables of %v: %w", to, err)
	}
	o := s.sess.Options()
	o.Target = "grpc://" + address
	o.DeviceFilters = []string{to.String()}
	o.DisableGrappler = true
	if o.OperationTimeout == 0 && o.Config.GetOperationTimeoutInMs() == 0 {
		o.OperationTimeout = directTimeout
	}
	r.sess, err = tf.NewSession(r.graph, &o)
	return err
}

// dial connects to the servers of n tensors, and closes the connections again: a run
// waits for a server that is gone as long as its timeout, and a connection fails at
// once.
func (s *servers) dial(ctx context.Context, n int, owner func(int) savergraph.Task) error {
	tasks := map[savergraph.Task]bool{}
	for i := range n {
		tasks[owner(i)] = true
	}
	delete(tasks, savergraph.Task{})
	dialer := net.Dialer{Timeout: dialTimeout}
	if limit := s.sess.Options().OperationTimeout; limit > 0 {
		dialer.Timeout = min(limit, dialTimeout)
	}
	for to := range tasks {
		address, err := s.spec.Address(cluster.Task(to))
		if err != nil {
			return err
		}
		connection, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("connect to %v of Gather.Cluster: %w", to, &status.Error{Code: status.Unavailable, Message: err.Error()})
		}
		_ = connection.Close()
	}
	return nil
}

// each calls f for each task that owns some of the wanted tensors, for all tasks at
// once, with the indices of these tensors in wanted. An error names the task.
func (s *servers) each(ctx context.Context, wanted []int, owner func(int) savergraph.Task, f func(context.Context, *route, []int) error) error {
	// A longer time is for nodes that save all at once; a batch is a short run.
	ctx = tf.WithOperationTimeout(ctx, 0)
	indices := map[savergraph.Task][]int{}
	for index, i := range wanted {
		to := owner(i)
		indices[to] = append(indices[to], index)
	}
	tasks := slices.Collect(maps.Keys(indices))
	// The other tasks continue when one fails, so that no run is abandoned.
	return parallel.Each(ctx, len(tasks), len(tasks), func(_ context.Context, i int) error {
		to := tasks[i]
		r, err := s.route(to)
		if err == nil {
			err = f(ctx, r, indices[to])
		}
		if err != nil && to != (savergraph.Task{}) && !errors.Is(err, tfkeep.ErrUninitialized) {
			err = fmt.Errorf("%v: %w", to, err)
		}
		return err
	})
}
