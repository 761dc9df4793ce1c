//go:build linux

// Command shapereads writes the list of the inputs whose values TensorFlow looks at when it
// infers shapes, which package graphdef/safety embeds. It imports graphs of one node with
// every op of the library. Each input of the node is computed from the content of a file of
// its own; if TensorFlow opens that file, it wanted to know the value.
//
// After a change of TensorFlow's version, run "go generate ./graphdef/safety".
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
)

func main() {
	out := flag.String("o", "reads.txt", "file to write")
	child := flag.String("after", "", "measure the ops after this one, and print the results")
	flag.Parse()
	var err error
	if *child != "" {
		err = measureAfter(*child)
	} else {
		err = run(*out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "shapereads:", err)
		os.Exit(1)
	}
}

const header = `# The inputs whose values TensorFlow looks at when it infers shapes, by the positions of the
# op's arguments, as scripts/shapereads has measured them. "crash" stands after an op that
# ended the process. An op that could not be measured is not listed.
`

// run measures all ops in processes of their own, because some ops end the process.
func run(out string) error {
	text, after := header, "-"
	for after != "" {
		cmd := exec.Command(os.Args[0], "-after", after)
		lines, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		after = ""
		for scan := bufio.NewScanner(lines); scan.Scan(); {
			if op, begins := strings.CutPrefix(scan.Text(), "begin "); begins {
				after = op
			} else {
				text += scan.Text() + "\n"
				after = ""
			}
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); err != nil && (!errors.As(err, &exit) || after == "") {
			return err
		}
		if after != "" {
			text += after + " crash\n"
		}
	}
	return os.WriteFile(out, []byte(text), 0o644)
}

// measureAfter measures the ops whose names come after one, and prints the results.
func measureAfter(after string) error {
	data, err := capi.AllOpList()
	if err != nil {
		return err
	}
	ops, err := opdef.Parse(data)
	if err != nil {
		return err
	}
	w, err := newWatcher()
	if err != nil {
		return err
	}
	defer w.close()
	for _, name := range ops.Names() {
		if name <= after {
			continue
		}
		fmt.Println("begin", name)
		if r := measure(w, ops.Get(name)); r.ok {
			fmt.Println(r)
		} else {
			fmt.Println("#", name, "was not measured")
		}
	}
	return nil
}
