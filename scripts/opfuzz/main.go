//go:build linux

// Command opfuzz looks for ops whose shape function or kernel ends the process while a graph
// is imported. For every op of the library that package graphdef/safety lets a stranger's graph
// import, it imports small graphs with random attributes, shapes and constants, in a process
// that is started again behind a graph that ended it. It prints those graphs.
//
//	go run ./scripts/opfuzz -n 2000 [-ops Conv2D,GatherV2]
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/prototext"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
)

func main() {
	var o options
	flag.IntVar(&o.n, "n", 1000, "graphs for each op")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the random numbers")
	flag.StringVar(&o.only, "ops", "", "only these ops, separated by commas")
	flag.BoolVar(&o.checked, "checked", true, "skip graphs that safety.CheckImport or check.Graph refuse")
	flag.StringVar(&o.show, "show", "", "print one graph, such as GatherV2:103, instead")
	flag.StringVar(&o.child, "child", "", "used by opfuzz itself")
	flag.Parse()
	var err error
	if o.show != "" || o.child != "" {
		err = fuzz(&o)
	} else {
		err = run(&o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "opfuzz:", err)
		os.Exit(1)
	}
}

type options struct {
	n                 int
	seed              uint64
	only, child, show string
	checked           bool
}

// maxEnds is how often an op may end the process before the next op is tried.
const maxEnds = 12

// maxWait is how long one graph may take.
const maxWait = 60 * time.Second

// run starts processes that fuzz, and prints what ended them.
func run(o *options) error {
	next := "!:0" // begin with the op that comes after this name
	ends := map[string]int{}
	for next != "" {
		cmd := exec.Command(os.Args[0], "-child", next, "-n", strconv.Itoa(o.n), "-seed", fmt.Sprint(o.seed), "-ops", o.only, fmt.Sprintf("-checked=%t", o.checked))
		stderr := &tail{}
		cmd.Stderr = stderr
		lines, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		kill := time.AfterFunc(maxWait, func() { _ = cmd.Process.Kill() })
		at := ""
		for scan := bufio.NewScanner(lines); scan.Scan(); {
			kill.Reset(maxWait)
			if op, begins := strings.CutPrefix(scan.Text(), "begin "); begins {
				at = op
			} else {
				fmt.Println(scan.Text())
			}
		}
		kill.Stop()
		err = cmd.Wait()
		next = ""
		var exit *exec.ExitError
		switch {
		case err == nil:
		case !errors.As(err, &exit) || at == "":
			return fmt.Errorf("%w: %s", err, stderr)
		default:
			op, _, _ := strings.Cut(at, ":")
			fmt.Printf("END %s: %v: %s\n", at, exit, stderr.reason())
			next = at
			if ends[op]++; ends[op] >= maxEnds {
				next = op + ":" + strconv.Itoa(o.n)
			}
		}
	}
	return nil
}

// tail keeps the last bytes that are written to it.
type tail struct{ data []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.data = append(t.data, p...)
	if len(t.data) > 1<<16 {
		t.data = t.data[len(t.data)-1<<16:]
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.data) }

// reason returns the line that says why the process ended.
func (t *tail) reason() string {
	for line := range strings.Lines(string(t.data)) {
		for _, word := range []string{"Check failed", "SIGSEGV", "SIGFPE", "bad_alloc", "what():", "SIGABRT", "fatal error", "panic:"} {
			if strings.Contains(line, word) {
				return strings.TrimSpace(line)
			}
		}
	}
	return "?"
}

// fuzz imports graphs from the one after o.child on.
func fuzz(o *options) error {
	data, err := capi.AllOpList()
	if err != nil {
		return err
	}
	ops, err := opdef.Parse(data)
	if err != nil {
		return err
	}
	op, number, _ := strings.Cut(o.child+o.show, ":")
	done, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	if o.show != "" {
		f := &fuzzer{ops: ops, op: ops.Get(op)}
		f.seed(o.seed, done)
		f.build()
		fmt.Println(prototext.Format(f.g))
		return nil
	}
	out := bufio.NewWriter(os.Stdout)
	defer func() { _ = out.Flush() }()
	for _, name := range ops.Names() {
		if name < op || strings.HasPrefix(name, "_") || !o.tries(name) {
			continue
		}
		first := 0
		if name == op {
			first = done + 1
		}
		f := &fuzzer{ops: ops, op: ops.Get(name), checked: o.checked}
		for i := first; i < o.n; i++ {
			if err := f.try(o.seed, i, out); err != nil {
				return err
			}
		}
		if f.slow > time.Second {
			fmt.Fprintf(out, "SLOW %s: %v\n", f.slowest, f.slow)
		}
		if f.imported == 0 && first == 0 {
			fmt.Fprintf(out, "NEVER %s: %s\n", name, f.lastError)
		}
	}
	return nil
}

var _ io.Writer = (*tail)(nil)
