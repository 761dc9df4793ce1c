package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

// job is one run of the command.
type job struct {
	cluster, job, protocol string
	task                   int
	whileStdin             bool
	allowGrowth            bool

	stdin  io.Reader
	stdout io.Writer
}

// run runs the command and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	j := &job{stdin: stdin, stdout: stdout}
	return cli.Execute(ctx, j.command(), args, stdout, stderr)
}

func (j *job) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tfkeep-server",
		Short: "Serve as a member of a TensorFlow cluster",
		Long: `Serve as a member of a TensorFlow cluster until SIGTERM or SIGINT.

Without --cluster, the cluster and this server's task come from the environment
variable TF_CONFIG. The flags --job and --task override it.

When it is ready it prints "serving grpc://HOST:PORT as /job:JOB/task:TASK". The
exit code is 0 after a signal, 1 if it could not serve, and 2 if the command line
was wrong.

Anyone who reaches the port can run any TensorFlow operation on this machine:
keep the port inside a network that you trust.`,
		Example: `  tfkeep-server --cluster 'ps=a:2222,b:2222;worker=c:2222' --job ps --task 0
  TF_CONFIG='{"cluster": {"ps": ["a:2222"], "worker": ["b:2222"]}, "task": {"type": "ps", "index": 0}}' tfkeep-server`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 0 {
				return cli.Usagef("%q is not a flag", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return j.do(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&j.cluster, "cluster", "", "the cluster: JOB=HOST:PORT,HOST:PORT;JOB=... (default: TF_CONFIG)")
	f.StringVar(&j.job, "job", "", "the job of this server")
	f.IntVar(&j.task, "task", 0, "the index of this server in its job")
	f.StringVar(&j.protocol, "protocol", "", "the protocol of the cluster (default: grpc)")
	f.BoolVar(&j.whileStdin, "while-stdin", false, "exit when standard input ends, so that the server does not outlive its parent")
	f.BoolVar(&j.allowGrowth, "allow-growth", false, "allocate GPU memory as needed instead of nearly all of it at the start")
	return cmd
}

func (j *job) do(cmd *cobra.Command) error {
	m := cluster.Member{Ready: j.stdout}
	var err error
	if j.cluster != "" {
		m.Cluster, err = cluster.ParseSpec(j.cluster)
	} else {
		m.Cluster, m.Task, err = cluster.FromEnv()
		if errors.Is(err, tfkeep.ErrNotFound) {
			err = errors.New("no cluster: give --cluster, or set TF_CONFIG")
		}
	}
	if err != nil {
		return &cli.UsageError{Err: err}
	}
	if cmd.Flags().Changed("job") {
		m.Task.Job = j.job
	}
	if cmd.Flags().Changed("task") {
		m.Task.Index = j.task
	}
	if m.Protocol = j.protocol; j.allowGrowth {
		m.Config = &tf.SessionOptions{GPU: tf.GPUOptions{AllowGrowth: true}}
	}
	if j.whileStdin {
		m.While = j.stdin
	}
	err = cluster.Serve(cmd.Context(), m)
	if errors.Is(err, tfkeep.ErrNotFound) {
		return &cli.UsageError{Err: err}
	}
	return err
}
