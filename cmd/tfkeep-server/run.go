package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tfkeep/tfkeep/internal/localcluster"
	"github.com/tfkeep/tfkeep/tf"
)

// The exit codes, which are those of tfkeep.
const (
	exitGood  = 0
	exitBad   = 1 // it could not serve
	exitUsage = 2
)

// usageError is a wrong command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// job is one run of the command.
type job struct {
	cluster, job, protocol string
	task                   int
	whileStdin             bool
	allowGrowth            bool

	stdin  io.Reader
	stdout io.Writer
}

// run is the whole command: it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	j := &job{stdin: stdin, stdout: stdout}
	cmd := j.command()
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitGood
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "tfkeep-server: %v\nRun \"tfkeep-server --help\" for how to use it.\n", err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "tfkeep-server: %v\n", err)
	return exitBad
}

func (j *job) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tfkeep-server",
		Short: "Serve as a member of a TensorFlow cluster",
		Long: `Serve as a member of a TensorFlow cluster until SIGTERM or SIGINT.

Without --cluster, the cluster and the place in it come from TF_CONFIG in the
environment; --job and --task, where given, count in place of what it says.

Once it serves it prints "serving grpc://HOST:PORT as /job:JOB/task:TASK". It
ends with 0 when it was told to end, 1 when it could not serve, and 2 when the
command line was wrong.

Whoever reaches the port can run anything here that TensorFlow can: keep it
inside a network that you trust.`,
		Example: `  tfkeep-server --cluster 'ps=a:2222,b:2222;worker=c:2222' --job ps --task 0
  TF_CONFIG='{"cluster": {"ps": ["a:2222"], "worker": ["b:2222"]}, "task": {"type": "ps", "index": 0}}' tfkeep-server`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 0 {
				return usageError{fmt.Errorf("%q is not a flag", args[0])}
			}
			return nil
		},
		RunE:          func(cmd *cobra.Command, _ []string) error { return j.do(cmd) },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	f := cmd.Flags()
	f.StringVar(&j.cluster, "cluster", "", "the cluster: JOB=HOST:PORT,HOST:PORT;JOB=...; TF_CONFIG if not given")
	f.StringVar(&j.job, "job", "", "the job of this server")
	f.IntVar(&j.task, "task", 0, "its number within the job")
	f.StringVar(&j.protocol, "protocol", "", "how members talk: grpc if not given")
	f.BoolVar(&j.whileStdin, "while-stdin", false, "end when standard input does, so as not to outlive the parent")
	f.BoolVar(&j.allowGrowth, "allow-growth", false, "take memory of GPUs as it is needed, not nearly all at the start")
	return cmd
}

func (j *job) do(cmd *cobra.Command) error {
	m := localcluster.Member{Ready: j.stdout}
	var err error
	if j.cluster != "" {
		m.Cluster, err = tf.ParseClusterSpec(j.cluster)
	} else {
		m.Cluster, m.Job, m.Task, err = tf.ClusterFromEnv()
		if errors.Is(err, tf.ErrNotFound) {
			err = fmt.Errorf("which cluster? give --cluster, or set TF_CONFIG")
		}
	}
	if err != nil {
		return usageError{err}
	}
	if cmd.Flags().Changed("job") {
		m.Job = j.job
	}
	if cmd.Flags().Changed("task") {
		m.Task = j.task
	}
	if m.Protocol = j.protocol; j.allowGrowth {
		m.Config = &tf.SessionOptions{GPU: tf.GPUOptions{AllowGrowth: true}}
	}
	if j.whileStdin {
		m.While = j.stdin
	}
	err = localcluster.Serve(cmd.Context(), m)
	if errors.Is(err, tf.ErrNotFound) {
		return usageError{err}
	}
	return err
}
