package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/npy"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
)

// read makes the tensors of the inputs. With an error, it returns the tensors that it has
// made so far.
func (j *job) read(m *savedmodel.Model, sig *graphdef.SignatureDef) (map[string]*tf.Tensor, error) {
	tensors := map[string]*tf.Tensor{}
	add := func(name string, make func() (*npy.Array, error)) error {
		if tensors[name] != nil {
			return cli.Usagef("input %q is given twice", name)
		}
		if sig.Inputs[name] == nil {
			return fmt.Errorf("the signature has no input %q; it has %s", name, strings.Join(slices.Sorted(maps.Keys(sig.Inputs)), ", "))
		}
		a, err := make()
		if err == nil {
			tensors[name], err = tensor(a)
		}
		if err != nil {
			return fmt.Errorf("input %q: %w", name, err)
		}
		return nil
	}
	if j.allInputs != "" {
		values, err := j.object()
		if err != nil {
			return tensors, err
		}
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if err := add(name, func() (*npy.Array, error) { return fromJSON(values[name], typeOf(m, sig.Inputs[name])) }); err != nil {
				return tensors, err
			}
		}
	}
	for _, s := range j.inputs {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return tensors, cli.Usagef("--input %s: write it as NAME=JSON or NAME=@FILE", s)
		}
		if err := add(name, func() (*npy.Array, error) { return fromText(value, typeOf(m, sig.Inputs[name])) }); err != nil {
			return tensors, err
		}
	}
	for _, s := range j.examples {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return tensors, cli.Usagef("--examples %s: write it as NAME=[{FEATURE: [VALUES]}, ...]", s)
		}
		if err := add(name, func() (*npy.Array, error) { return fromExamples([]byte(value)) }); err != nil {
			return tensors, err
		}
	}
	return tensors, nil
}

// typeOf returns the type of an input. In signatures from 2016 only the graph has it.
func typeOf(m *savedmodel.Model, info *graphdef.TensorInfo) dtype.DataType {
	if info.GetDtype() == 0 {
		if out, err := savedmodel.FindTensor(m.Graph(), info, m.Scope); err == nil {
			return dtype.DataType(out.DataType())
		}
	}
	return info.GetDtype()
}

// object reads the JSON object of all inputs.
func (j *job) object() (map[string]any, error) {
	data, err := j.readAll()
	if err != nil {
		return nil, err
	}
	value, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("--inputs %s: %w", j.allInputs, err)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("--inputs %s: it must be a JSON object with the inputs by their names", j.allInputs)
	}
	return object, nil
}

// maxJSON is the largest text of inputs that is read. Parsed, it takes many times its size.
const maxJSON = 256 << 20

// readAll reads the text of all inputs from its file, or from the standard input.
func (j *job) readAll() ([]byte, error) {
	if j.allInputs != "-" {
		return readJSON(j.allInputs)
	}
	data, err := io.ReadAll(io.LimitReader(j.stdin, maxJSON+1))
	if err == nil && len(data) > maxJSON {
		err = &tfkeep.Error{Op: "read", Path: "standard input", Err: tfkeep.ErrTooLarge,
			Detail: fmt.Sprintf("it has more than %d bytes; write large inputs to .npy files", maxJSON)}
	}
	return data, err
}

// readJSON reads a file of JSON.
func readJSON(file string) ([]byte, error) {
	data, err := vfs.ReadFile(vfs.OS, file, maxJSON)
	return data, vfs.Error("read", file, err)
}

// decode parses one JSON value and keeps numbers as they are written.
func decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, fmt.Errorf("invalid JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("invalid JSON: text after the value")
	}
	return value, nil
}

// fromText parses the value of an input: JSON, or @ and the name of a file.
func fromText(text string, dtype dtype.DataType) (*npy.Array, error) {
	file, ok := strings.CutPrefix(text, "@")
	if !ok {
		value, err := decode([]byte(text))
		if err != nil {
			return nil, err
		}
		return fromJSON(value, dtype)
	}
	member := ""
	if i := strings.LastIndexByte(file, '['); i > 0 && strings.HasSuffix(file, "]") {
		file, member = file[:i], file[i+1:len(file)-1]
	}
	switch ext := filepath.Ext(file); {
	case ext == ".npz":
		return fromArchive(file, member)
	case member != "":
		return nil, fmt.Errorf("%s: only .npz files have several arrays", file)
	case ext == ".npy":
		f, err := vfs.OS.Open(file)
		if err != nil {
			return nil, vfs.Error("open", file, err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err == nil {
			err = vfs.CheckHoles(file, f, info)
		}
		if err != nil {
			return nil, vfs.Error("read", file, err)
		}
		return npy.Read(f)
	case ext == ".json":
		data, err := readJSON(file)
		if err != nil {
			return nil, err
		}
		value, err := decode(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		return fromJSON(value, dtype)
	}
	return nil, fmt.Errorf("%s: the name must end in .npy, .npz or .json", file)
}

func fromArchive(file, member string) (*npy.Array, error) {
	a, err := npy.OpenArchive(file)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	if member == "" {
		if len(a.Names()) != 1 {
			return nil, fmt.Errorf("%s has %d arrays; choose one with @%s[NAME]: %s", file, len(a.Names()), file, strings.Join(a.Names(), ", "))
		}
		member = a.Names()[0]
	}
	return a.Read(member)
}

// tensor copies an array into a tensor.
func tensor(a *npy.Array) (*tf.Tensor, error) {
	if a.DType == dtype.String {
		return capi.NewStrings(a.Shape, a.Strings)
	}
	return tf.ReadTensor(a.DType, a.Shape, bytes.NewReader(a.Data))
}
