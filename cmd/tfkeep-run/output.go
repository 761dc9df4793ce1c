package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/ndtext"
	"github.com/tfkeep/tfkeep/internal/npy"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/tf"
)

// checkFiles checks, before the signature runs, that its outputs can be written.
func (j *job) checkFiles(sig *graphdef.SignatureDef) error {
	if j.out == "" {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(sig.Outputs)) {
		if name == "" || name != filepath.Base(name) || strings.ContainsAny(name, `/\`) {
			return fmt.Errorf("the output %q is not a valid file name; use --json", name)
		}
		_, err := os.Lstat(j.file(name))
		if err == nil && !j.overwrite {
			return fmt.Errorf("%s exists; --overwrite replaces it", j.file(name))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.MkdirAll(j.out, 0o755)
}

func (j *job) file(output string) string { return filepath.Join(j.out, output+".npy") }

// show prints the outputs and writes their files.
func (j *job) show(outputs map[string]*tf.Tensor) error {
	w := bufio.NewWriter(j.stdout)
	line := []byte{'{'}
	for i, name := range slices.Sorted(maps.Keys(outputs)) {
		a, err := array(outputs[name])
		if err != nil {
			return fmt.Errorf("output %q: %w", name, err)
		}
		if j.out != "" {
			if err := write(j.file(name), a); err != nil {
				return fmt.Errorf("output %q: %w", name, err)
			}
		}
		if j.asJSON {
			if i > 0 {
				line = append(line, ',')
			}
			line = append(appendText(line, []byte(name)), ':')
			if line, err = appendJSON(line, a); err != nil {
				return fmt.Errorf("output %q: %w", name, err)
			}
			continue
		}
		fmt.Fprintf(w, "Result for output key %s:\n", printable(name))
		if err := ndtext.Fprint(w, a.DType, a.Shape, a.Data, a.Strings, &ndtext.Options{Full: j.full}); err != nil {
			return fmt.Errorf("output %q: %w", name, err)
		}
		fmt.Fprintln(w)
	}
	if j.asJSON {
		_, _ = w.Write(append(line, '}', '\n')) // Flush returns the error
	}
	return w.Flush()
}

// printable returns a name from a file in a form that cannot control the terminal.
func printable(name string) string {
	if q := strconv.QuoteToGraphic(name); q[1:len(q)-1] != name {
		return q
	}
	return name
}

// array copies the values of a tensor.
func array(t *tf.Tensor) (*npy.Array, error) {
	a := &npy.Array{DType: dtype.DataType(t.DataType()), Shape: t.Shape()}
	if a.DType == dtype.String {
		var err error
		a.Strings, err = capi.Strings(t)
		return a, err
	}
	var data bytes.Buffer
	if _, err := t.WriteContentsTo(&data); err != nil {
		return nil, err
	}
	a.Data = data.Bytes()
	return a, nil
}

// write writes an array to a file in one step.
func write(path string, a *npy.Array) error {
	f, err := vfs.CreateAtomic(vfs.OS, path)
	if err != nil {
		return err
	}
	defer f.Close()
	if a.DType == dtype.String {
		err = npy.WriteStrings(f, a.Shape, a.Strings)
	} else {
		err = npy.Write(f, a.DType, a.Shape, bytes.NewReader(a.Data))
	}
	if err != nil {
		return err
	}
	return f.Commit(true)
}
