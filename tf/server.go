package tf

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/tfkeep/tfkeep/capi"
	"google.golang.org/protobuf/proto"
)

// ServerDef is TensorFlow's own form of a server's place and options.
type ServerDef = for_core_protos_go_proto.ServerDef

// Server is this process as a member of a cluster: it executes what sessions, its
// own or those of other members, place on its devices, and holds the variables
// there. It is Python's tf.distribute.Server.
//
// TensorFlow cannot stop a server that was started. It serves until the process
// ends; cmd/tfkeep-server is a process for just that.
//
// It takes connections from anybody who reaches the port, on every network
// interface, without asking who they are, and runs what they send. Keep the port
// inside a network that you trust.
type Server struct {
	server *capi.Server
	job    string
	task   int

	join   sync.Mutex
	joined chan struct{} // nil before the first Join
	err    error
}

// ServerOptions are a server's choices.
type ServerOptions struct {
	// Job and Task are the server's place in the cluster. An empty Job is that of
	// a cluster with a single one.
	Job  string
	Task int
	// Protocol is how members talk; empty is "grpc", the only one that
	// TensorFlow's own builds have.
	Protocol string
	// Config are the options of sessions on this server that bring none; nil is
	// TensorFlow's defaults. What concerns devices, such as GPU and DeviceCount,
	// holds for the whole server: the first session does not settle it.
	Config *SessionOptions
	// NoStart leaves the server bound to its port, but silent until Start.
	NoStart bool
}

// NewServer makes this process the member of the cluster that o says, and starts
// to serve, unless o.NoStart is set. The server is up when it returns.
//
// A task that the cluster lacks is an error of the kind ErrNotFound, a port that
// is in use one of the kind ErrUnavailable and syscall.EADDRINUSE.
func NewServer(cluster *ClusterSpec, o *ServerOptions) (*Server, error) {
	if o == nil {
		o = new(ServerOptions)
	}
	job := o.Job
	if jobs := cluster.Jobs(); job == "" && len(jobs) == 1 {
		job = jobs[0]
	}
	address, err := cluster.TaskAddress(job, o.Task)
	if err != nil {
		return nil, err
	}
	if err := portFree(address); err != nil {
		return nil, fmt.Errorf("tf: server %s: %w", taskName(job, o.Task), err)
	}
	def := &ServerDef{Cluster: cluster.ClusterDef(), JobName: job, TaskIndex: int32(o.Task), Protocol: o.Protocol}
	if def.Protocol == "" {
		def.Protocol = "grpc"
	}
	if o.Config != nil {
		if def.DefaultSessionConfig, err = o.Config.proto(); err != nil {
			return nil, err
		}
	}
	raw, err := proto.Marshal(def)
	if err != nil {
		return nil, invalidf("the server's options: %v", err)
	}
	server, err := capi.NewServer(raw)
	if err != nil {
		return nil, fmt.Errorf("tf: server %s at %s: %w", taskName(job, o.Task), address, err)
	}
	s := &Server{server: server, job: job, task: o.Task}
	if o.NoStart {
		return s, nil
	}
	if err := s.Start(); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return s, nil
}

// NewLocalServer makes this process a cluster of one, "/job:local/task:0", on a
// port that the system chooses, and starts to serve. It is Python's
// Server.create_local_server.
func NewLocalServer() (*Server, error) {
	cluster, err := NewClusterSpec(map[string][]string{"local": {"localhost:0"}})
	if err != nil {
		return nil, err
	}
	return NewServer(cluster, nil)
}

// portFree says in words what TensorFlow only logs. It binds as TensorFlow does:
// every interface.
func portFree(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", net.JoinHostPort("", port))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return &portError{Error{Code: capi.Unavailable, Message: "port " + port + " is in use: end the process that has it, which may be an earlier run of this server, or choose another port"}, err}
	case errors.Is(err, syscall.EACCES):
		return &portError{Error{Code: capi.PermissionDenied, Message: "port " + port + " is not allowed to this user: choose one above 1023"}, err}
	case err != nil:
		return &portError{Error{Code: capi.Unavailable, Message: "port " + port + " cannot be had: " + err.Error()}, err}
	}
	return l.Close()
}

// portError is a kind of TensorFlow's and the system's error too.
type portError struct {
	said  Error
	cause error
}

func (e *portError) Error() string   { return e.said.Error() }
func (e *portError) Unwrap() []error { return []error{&e.said, e.cause} }

// Start lets a server made with NoStart answer. A second call does nothing.
func (s *Server) Start() error { return s.server.Start() }

// Target is what sessions connect to, "grpc://host:port", with the port that the
// system chose where the cluster says 0. It is the Target of SessionOptions.
func (s *Server) Target() string { return s.server.Target() }

// Device is the server's name as a device's, "/job:worker/task:0".
func (s *Server) Device() string { return taskName(s.job, s.task) }

// Join waits until the server has stopped, and as TensorFlow never stops one that
// was started: until ctx is over, whose error it gives. It is how a parameter
// server's main function ends.
func (s *Server) Join(ctx context.Context) error {
	if !s.server.Started() {
		return &Error{Code: capi.FailedPrecondition, Message: "the server was not started: there is nothing to wait for"}
	}
	s.join.Lock()
	if s.joined == nil {
		s.joined = make(chan struct{})
		go func() {
			s.err = s.server.Join()
			close(s.joined)
		}()
	}
	s.join.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.joined:
		return s.err
	}
}

// Stop frees a server that was never started. For any other it is an error of the
// kind ErrUnimplemented, as it is in TensorFlow: such a server goes on until its
// process ends.
func (s *Server) Stop() error { return s.server.Close() }
