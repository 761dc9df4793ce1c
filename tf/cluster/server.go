package cluster

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

// Server is this process as a member of a cluster. It executes what sessions, its own or
// those of other members, place on its devices, and holds the variables there. It is
// Python's tf.distribute.Server.
//
// TensorFlow cannot stop a server that was started: it serves until the process ends.
// The command tfkeep-server is a process that only serves.
//
// A server takes connections from anyone who reaches the port, on every network
// interface, without authentication, and executes what they send. Keep the port inside a
// network that you trust.
type Server struct {
	server *capi.Server
	task   Task

	mu      sync.Mutex
	started bool
	joined  chan struct{} // nil before the first Join; closed when err is set
	err     error
}

// ServerOptions are the options of [NewServer]. Nil and the zero value are the defaults.
type ServerOptions struct {
	// Task is the place of the server in the cluster. An empty Job means the job of a
	// cluster that has only one.
	Task Task
	// Protocol is how members communicate. Empty means "grpc", the only protocol of
	// TensorFlow's own builds.
	Protocol string
	// Config are the options of sessions on this server that have none of their own; nil
	// means TensorFlow's defaults. The options about devices, such as GPU and
	// DeviceCount, hold for the whole server: the first session does not change them.
	Config *tf.SessionOptions
	// NoStart binds the port, but does not answer before Start is called.
	NoStart bool
}

// NewServer makes this process a member of a cluster and starts to serve, unless
// opts.NoStart is set. The server answers when NewServer returns. A nil spec means a
// cluster of this process only, "/job:local/task:0", on a port that the system chooses,
// as Python's Server.create_local_server makes.
//
// If the cluster lacks the task, the error is of the kind tfkeep.ErrNotFound. If the port
// is in use, it is of the kinds status.Unavailable and syscall.EADDRINUSE.
func NewServer(spec *Spec, opts *ServerOptions) (*Server, error) {
	if opts == nil {
		opts = new(ServerOptions)
	}
	if spec == nil {
		spec = &Spec{map[string]map[int]string{"local": {0: "localhost:0"}}}
	}
	task := opts.Task
	if jobs := spec.jobNames(); task.Job == "" && len(jobs) == 1 {
		task.Job = jobs[0]
	}
	server, err := newServer(spec, task, opts)
	if err != nil {
		return nil, &tfkeep.Error{Op: "start server", Name: task.String(), Cause: err}
	}
	s := &Server{server: server, task: task}
	if opts.NoStart {
		return s, nil
	}
	if err := s.Start(); err != nil {
		return nil, &tfkeep.Error{Op: "start server", Name: task.String(), Cause: errors.Join(err, server.Close())}
	}
	return s, nil
}

// newServer binds the port of a task.
func newServer(spec *Spec, task Task, opts *ServerOptions) (*capi.Server, error) {
	address, err := spec.Address(task)
	if err != nil {
		return nil, err
	}
	if err := checkPort(address); err != nil {
		return nil, err
	}
	def := &for_core_protos_go_proto.ServerDef{Cluster: spec.def(), JobName: task.Job, TaskIndex: int32(task.Index), Protocol: opts.Protocol}
	if def.Protocol == "" {
		def.Protocol = "grpc"
	}
	if opts.Config != nil {
		if def.DefaultSessionConfig, err = opts.Config.ConfigProto(); err != nil {
			return nil, err
		}
	}
	raw, err := proto.Marshal(def)
	if err != nil {
		return nil, argument("serialize the server's options", err)
	}
	return capi.NewServer(raw)
}

// checkPort returns an error if the port of an address cannot be bound: TensorFlow only
// logs why. It binds every interface, as TensorFlow does.
func checkPort(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", net.JoinHostPort("", port))
	if err == nil {
		return l.Close()
	}
	e := &tfkeep.Error{Op: "bind port", Name: port, Err: status.Unavailable, Cause: err}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		e.Detail = "the port is in use: end the process that has it, which may be an earlier run of this server, or choose another port"
	case errors.Is(err, syscall.EACCES):
		e.Err, e.Detail = status.PermissionDenied, "this user may not use the port: choose one above 1023"
	}
	return e
}

// Start starts a server that was made with NoStart. A second call does nothing.
func (s *Server) Start() error {
	if err := s.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.server.Start(); err != nil {
		return err
	}
	s.started = true
	return nil
}

// Target returns what sessions connect to, "grpc://host:port", with the port that the
// system chose if the Spec has port 0. It is the Target of tf.SessionOptions.
func (s *Server) Target() string { return s.server.Target }

// Device returns the server's name as a device, "/job:worker/task:0".
func (s *Server) Device() string { return s.task.String() }

// Join waits until the server has stopped. As TensorFlow never stops a server that was
// started, it waits until ctx is done, and returns the error of ctx. The main function of
// a parameter server ends with it.
func (s *Server) Join(ctx context.Context) error {
	if err := s.check(); err != nil {
		return err
	}
	if ctx == nil {
		return argcheck.Nil("wait for server", "", "context")
	}
	s.mu.Lock()
	if !s.started {
		s.mu.Unlock()
		return &tfkeep.Error{Op: "wait for server", Name: s.task.String(), Err: status.FailedPrecondition, Detail: "the server was not started"}
	}
	if s.joined == nil {
		s.joined = make(chan struct{})
		go func() {
			s.err = s.server.Join()
			close(s.joined)
		}()
	}
	s.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.joined:
		return s.err
	}
}

// Stop frees a server that was never started. For any other server the error is of the
// kind status.Unimplemented, as it is in TensorFlow: the server continues until its
// process ends.
func (s *Server) Stop() error {
	if err := s.check(); err != nil {
		return err
	}
	return s.server.Close()
}

// check returns an error if NewServer has not made the server.
func (s *Server) check() error {
	if s == nil || s.server == nil {
		return argcheck.Nil("use server", "", "Server")
	}
	return nil
}
