// Command tfkeep-server is a member of a TensorFlow cluster: a parameter server, or a
// worker that other processes use. docs/cluster.md explains how to run a cluster of them.
//
//	tfkeep-server --cluster 'ps=a:2222,b:2222;worker=c:2222' --job ps --task 0
//
// Without --cluster it reads TF_CONFIG. When it is ready it prints one line,
//
//	serving grpc://a:2222 as /job:ps/task:0
//
// and it exits with code 0 on SIGTERM or SIGINT: TensorFlow has no other way to stop a
// server.
package main

import (
	"os"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
)

func main() {
	os.Exit(run(cli.Context(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
