package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
)

// job is one run of the command.
type job struct {
	dir, signature, tags string
	inputs, examples     []string
	allInputs            string
	out                  string
	overwrite, asJSON    bool
	full                 bool
	allow, libraries     []string
	limits               *check.Limits

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
		Use:   "tfkeep-run DIR",
		Short: "Run a signature of a SavedModel",
		Long: `Run a signature of a SavedModel and print its outputs in the format of
"saved_model_cli run". "tfkeep savedmodel show DIR --all" lists the signatures
and their inputs.

An input is NAME=VALUE. VALUE is JSON, such as x=[[1,2]], or @FILE with a .npy,
.npz or .json file; @FILE.npz[ARRAY] takes one array of several. Numbers get the
type that the signature gives. Numbers that JSON does not have are "NaN",
"Infinity" and "-Infinity"; bytes that are not text are {"b64": "..."}.

"tfkeep-run devices" reports whether a session can use a GPU.

The exit code is 0 if the signature ran, 1 if it failed, and 2 if the command
line was wrong.`,
		Example: `  tfkeep-run export/1 --input 'x=[[1],[2]]'
  tfkeep-run export/1 --signature regress --input x=@x.npy --out results/
  echo '{"x": [[1],[2]]}' | tfkeep-run export/1 --inputs - --json
  tfkeep-run export/1 --signature classify --examples 'inputs=[{"age": [35], "job": ["cook"]}]'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cli.Usagef("%d arguments; give the folder of one model", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			j.dir = args[0]
			return j.do(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&j.signature, "signature", signature.DefaultServingKey, "the signature to run")
	f.StringVar(&j.tags, "tags", "", "run the graph with exactly these `TAGS`, separated by commas; default: the only one, the one without tags, or serve")
	f.StringArrayVar(&j.inputs, "input", nil, "an input: NAME=JSON or NAME=@FILE; may be repeated")
	f.StringVar(&j.allInputs, "inputs", "", "a file with a JSON object of all inputs; - means standard input")
	f.StringArrayVar(&j.examples, "examples", nil, "an input of tf.Examples: NAME=[{FEATURE: [VALUES]}, ...]")
	f.StringVar(&j.out, "out", "", "also write each output to a .npy file in this folder")
	f.BoolVar(&j.overwrite, "overwrite", false, "replace existing files")
	f.BoolVar(&j.asJSON, "json", false, "print one JSON object")
	f.BoolVar(&j.full, "full", false, "print all elements of large outputs")
	f.StringSliceVar(&j.allow, "allow_op", nil, "an op that may run although tfkeep refuses it; see \"tfkeep savedmodel scan\"")
	cli.LimitsFlag(f, &j.limits)
	f.StringArrayVar(&j.libraries, "op_library", nil, "a shared library with ops that the model needs; its code runs; may be repeated")
	// The names in saved_model_cli.
	f.StringVar(&j.signature, "signature_def", signature.DefaultServingKey, "")
	f.StringVar(&j.tags, "tag_set", "", "")
	f.StringVar(&j.out, "outdir", "", "")
	for _, name := range []string{"signature_def", "tag_set", "outdir"} {
		_ = f.MarkHidden(name)
	}
	cmd.AddCommand(devicesCommand())
	cmd.CompletionOptions.DisableDefaultCmd = true
	return cmd
}

// loadLibraries loads the libraries of ops, and returns an error if the model needs ops of
// others.
func (j *job) loadLibraries() error {
	loaded := map[string]bool{}
	for _, library := range j.libraries {
		ops, err := tf.LoadLibrary(library)
		if err != nil {
			return err
		}
		for _, op := range ops {
			loaded[op] = true
		}
		j.allow = append(j.allow, ops...) // who names a library trusts its code
	}
	model, err := graphdef.ReadSavedModel(j.dir)
	if err != nil {
		return err
	}
	mg, err := graphdef.FindMetaGraph(model, cli.SplitList(j.tags))
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(opdef.Unknown(mg.GetGraphDef(), opdef.Builtin()), func(op string) bool { return loaded[op] })
	if len(missing) > 0 {
		return &tfkeep.Error{Op: "load", Path: j.dir, Err: tfkeep.ErrUnsupported,
			Detail: fmt.Sprintf("the model needs ops of another library: %s; load it with --op_library FILE", strings.Join(missing, ", "))}
	}
	return nil
}

// do loads the model, runs the signature and prints the outputs.
func (j *job) do(ctx context.Context) error {
	if err := tf.SetLogLevel(slog.LevelError); err != nil {
		return err
	}
	sess, err := tf.NewSession(tf.NewGraph(), nil)
	if err != nil {
		return err
	}
	defer sess.Close()
	if err := j.loadLibraries(); err != nil {
		return err
	}
	err = savedmodel.ScanPredict(j.dir, &savedmodel.ScanOptions{Tags: cli.SplitList(j.tags), Keys: []string{j.signature}, AllowOps: j.allow})
	if err != nil {
		return err
	}
	m, err := savedmodel.Load(ctx, sess, cli.SplitList(j.tags), j.dir, &savedmodel.LoadOptions{AllowOps: j.allow, Limits: j.limits})
	if err != nil {
		return err
	}
	defer m.Close()
	sig := m.Signatures()[j.signature]
	if sig == nil {
		have := strings.Join(slices.Sorted(maps.Keys(m.Signatures())), ", ")
		if have == "" {
			have = `no signatures; "tfkeep savedmodel resign" adds one`
		}
		return fmt.Errorf("no signature %q; the model has %s", j.signature, have)
	}
	if err := j.checkFiles(sig); err != nil {
		return err
	}
	inputs, err := j.read(m, sig)
	defer func() {
		for _, t := range inputs {
			tf.Release(t)
		}
	}()
	if err != nil {
		return err
	}
	outputs, err := m.Predict(ctx, j.signature, inputs)
	if err != nil {
		return err
	}
	defer func() {
		for _, t := range outputs {
			tf.Release(t)
		}
	}()
	return j.show(outputs)
}
