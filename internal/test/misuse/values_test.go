package misuse_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
)

func of[T any](name string, s sort, f func() T) value {
	return value{name, s, func() reflect.Value {
		v := f()
		return reflect.ValueOf(&v).Elem()
	}}
}

func is[T any](name string, s sort, v T) value { return of(name, s, func() T { return v }) }

// paths are names of files. The walk works in a folder far below its temporary one, so that
// ".." stays in that.
var paths = []string{"train", "model", "train/model-2", "train/model-2.meta", "frozen.pb", "absent", "a/b/c/d", "new", "..", "../x", ".", "a\x00b", "\xff\xfe", strings.Repeat("long", 2000), "checkpoint", "[", "*"}

// must returns a value that has to be there for the walk to make sense.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// common returns the values of the types that many functions take.
func common() map[reflect.Type][]value {
	ctx := context.Background()
	byType := map[reflect.Type][]value{
		reflect.TypeFor[context.Context](): {
			is("ctx", good, ctx),
			of("canceled", odd, func() context.Context {
				c, cancel := context.WithCancel(ctx)
				cancel()
				return c
			}),
		},
		reflect.TypeFor[io.Reader](): {of("reader", good, func() io.Reader { return bytes.NewReader(make([]byte, 100)) }), is[io.Reader]("failing", odd, failing{})},
		reflect.TypeFor[io.Writer](): {of("writer", good, func() io.Writer { return io.Discard }), is[io.Writer]("failing", odd, failing{})},
		reflect.TypeFor[int64]():     {is[int64]("1", good, 1), is[int64]("-1", odd, -1), is[int64]("max", odd, math.MaxInt64), is[int64]("min", odd, math.MinInt64)},
		reflect.TypeFor[int]():       {is("1", good, 1), is("-1", odd, -1), is("max", odd, math.MaxInt), is("min", odd, math.MinInt)},
		reflect.TypeFor[float64]():   {is("0.5", good, 0.5), is("-1", odd, -1.0), is("NaN", odd, math.NaN()), is("Inf", odd, math.Inf(1))},
		reflect.TypeFor[[]byte]():    {is("bytes", good, make([]byte, 8)), is("empty", odd, []byte{}), is("garbage", odd, []byte("\x0a\xff\xff\xff\xff\x7f"))},
		reflect.TypeFor[*checkpoint.Reader](): {
			of("reader", good, openReader),
			of("closed", closed, func() *checkpoint.Reader { r := openReader(); _ = r.Close(); return r }),
		},
		reflect.TypeFor[checkpoint.Source](): {
			of("reader", good, func() checkpoint.Source { return openReader() }),
			of("closed", closed, func() checkpoint.Source { r := openReader(); _ = r.Close(); return r }),
			is[checkpoint.Source]("nil *Reader", absent, (*checkpoint.Reader)(nil)),
		},
		reflect.TypeFor[*checkpoint.Writer](): {
			of("writer", good, newWriter),
			of("closed", closed, func() *checkpoint.Writer { w := newWriter(); _ = w.Close(); return w }),
		},
		reflect.TypeFor[*freeze.Plan](): {
			of("plan", good, newPlan),
			of("closed", closed, func() *freeze.Plan { p := newPlan(); _ = p.Close(); return p }),
		},
		reflect.TypeFor[*graphdef.GraphDef](): {of("graph", good, func() *graphdef.GraphDef {
			return must(graphdef.ReadMetaGraphDef("train/model-2.meta", nil)).GetGraphDef()
		})},
		reflect.TypeFor[*graphdef.MetaGraphDef](): {of("meta", good, func() *graphdef.MetaGraphDef { return must(graphdef.ReadMetaGraphDef("train/model-2.meta", nil)) })},
		reflect.TypeFor[*graphdef.SavedModel]():   {of("model", good, func() *graphdef.SavedModel { return must(graphdef.ReadSavedModel("model")) })},
		reflect.TypeFor[proto.Message]():          {of("graph", good, func() proto.Message { return must(graphdef.ReadMetaGraphDef("train/model-2.meta", nil)).GetGraphDef() }), is[proto.Message]("nil *GraphDef", odd, (*graphdef.GraphDef)(nil))},
		reflect.TypeFor[any]():                    {is[any]("1.5", good, float32(1.5)), is[any]("struct", odd, struct{ X *int }{}), is[any]("func", odd, func() {}), is[any]("ragged", odd, [][]int32{{1}, {2, 3}}), is[any]("nil slice", odd, []string(nil)), is[any]("nil pointer", odd, (*int)(nil)), is[any]("empty rows", odd, [][]float32{{}, {}})},
		errorType:                                 {is("error", good, errors.New("error"))},
		reflect.TypeFor[[]string]():               {is("names", good, []string{"v"}), is("empty name", odd, []string{""}), is("many", odd, []string{"\xff", "a:b:c", "^x", "x:-1"})},
	}
	var strs []value
	for i, p := range append([]string{"v"}, paths...) {
		s := odd
		if i == 0 {
			s = good
		}
		name := p
		if len(name) > 20 {
			name = "long"
		}
		strs = append(strs, is(name, s, p))
	}
	byType[reflect.TypeFor[string]()] = strs
	return byType
}

func openReader() *checkpoint.Reader {
	return must(checkpoint.Open(context.Background(), "train/model-2", nil))
}

var written atomic.Int32

func newWriter() *checkpoint.Writer {
	return must(checkpoint.Create(context.Background(), fmt.Sprint("written-", written.Add(1)), nil))
}

func newPlan() *freeze.Plan {
	return must(freeze.FromCheckpoint(context.Background(), "train/model-2", &freeze.Options{Outputs: []string{"y"}}))
}

var messageType = reflect.TypeFor[proto.Message]()

type failing struct{}

var errFailing = errors.New("failing")

func (failing) Read([]byte) (int, error)  { return 0, errFailing }
func (failing) Write([]byte) (int, error) { return 0, errFailing }

// endless are the functions that wait until their context ends.
var endless = []string{"checkpoint/dir.Watch", "tf/cluster.Serve", "tf/cluster.(*Server).Join"}

// soon is a context that ends while a function waits.
func soon() context.Context {
	c, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	context.AfterFunc(c, cancel)
	return c
}

// valuesOf adds to the known values of a type those that every type has: nil or zero, and
// nonsense in every field. The zero value is the last one.
func valuesOf(known map[reflect.Type][]value) func(t reflect.Type, receiver bool) []value {
	return func(t reflect.Type, receiver bool) []value {
		list := append([]value(nil), known[t]...)
		options := t.Kind() == reflect.Pointer && strings.HasSuffix(t.Elem().Name(), "ptions")
		zero := value{"zero", odd, func() reflect.Value { return reflect.Zero(t) }}
		switch t.Kind() {
		case reflect.Func:
			list = append(list, value{"func", good, func() reflect.Value { return doesNothing(t) }})
			zero.name, zero.sort = "nil", absent
		case reflect.Interface:
			zero.name, zero.sort = "nil", absent
			if t.NumMethod() == 0 || t == errorType {
				zero.sort = odd
			}
		case reflect.Pointer:
			zero.name, zero.sort = "nil", absent
			if t.Implements(messageType) {
				zero.sort = odd // an empty message
			}
			if (options || t == reflect.TypeFor[*opdef.Set]()) && !receiver {
				zero.sort = good
				list = append([]value{zero}, list...)
			}
			list = append(list,
				value{"new", odd, func() reflect.Value { return reflect.New(t.Elem()) }},
				value{"nonsense", odd, func() reflect.Value {
					v := reflect.New(t.Elem())
					nonsense(v.Elem(), 0)
					return v
				}})
		default:
			list = append(list, value{"nonsense", odd, func() reflect.Value {
				v := reflect.New(t).Elem()
				nonsense(v, 0)
				return v
			}})
		}
		return append(list, zero)
	}
}

// doesNothing returns a function that returns zero values.
func doesNothing(t reflect.Type) reflect.Value {
	return reflect.MakeFunc(t, func([]reflect.Value) []reflect.Value {
		var out []reflect.Value
		for i := range t.NumOut() {
			out = append(out, reflect.Zero(t.Out(i)))
		}
		return out
	})
}

// nonsense fills a value with what makes no sense.
func nonsense(v reflect.Value, depth int) {
	if depth > 4 || !v.CanSet() {
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(-1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(3)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(math.NaN())
	case reflect.String:
		v.SetString("\xff/../\x00")
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2)) // the second element stays zero
		nonsense(v.Index(0), depth+1)
		if v.Type().Elem().Implements(messageType) { // lists in messages have no nil elements
			nonsense(v.Index(1), depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, element := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		v.SetMapIndex(key, element)
	case reflect.Struct:
		for i := range v.NumField() {
			nonsense(v.Field(i), depth+1)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		nonsense(v.Elem(), depth+1)
	case reflect.Func:
		v.Set(doesNothing(v.Type()))
	}
}

// restoreFiles makes the files anew that a call has removed.
func restoreFiles() {
	for _, name := range []string{"train", "model"} {
		if same(name) {
			continue
		}
		if err := errors.Join(os.RemoveAll(name), os.CopyFS(name, os.DirFS(filepath.Join("kept", name)))); err != nil {
			panic(err)
		}
	}
}

// same reports whether a folder is like its copy, by the sizes of its files.
func same(name string) bool {
	list := func(dir string) (files string) {
		_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				info, _ := e.Info()
				files += fmt.Sprintln(strings.TrimPrefix(path, dir), info.Size())
			}
			return nil
		})
		return files
	}
	return list(name) == list(filepath.Join("kept", name))
}
