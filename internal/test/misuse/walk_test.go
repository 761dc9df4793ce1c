package misuse_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/tfkeep/tfkeep"
)

// sort says what a value asks of the function that receives it.
type sort int

const (
	good   sort = iota // the function can work with it
	odd                // the function may take or refuse it
	absent             // it is nil where something is needed: tfkeep.ErrArgument
	closed             // it was closed before: tfkeep.ErrClosed
)

// value makes an argument.
type value struct {
	name string
	sort sort
	make func() reflect.Value
}

// module is the path that the names of functions begin with.
const module = "github.com/tfkeep/tfkeep/"

// function is a function or a method; a method has its receiver as the first parameter.
type function struct {
	name     string
	f        reflect.Value
	receiver bool
}

// functionsOf returns the functions of a list, and the methods of the types.
func functionsOf(list []any, types []reflect.Type) []function {
	var all []function
	for _, f := range list {
		v := reflect.ValueOf(f)
		name := strings.TrimPrefix(runtime.FuncForPC(v.Pointer()).Name(), module)
		all = append(all, function{name: name, f: v})
	}
	for _, t := range types {
		for i := range t.NumMethod() {
			m := t.Method(i)
			all = append(all, function{methodName(t, m.Name), m.Func, true})
		}
	}
	return all
}

// packageName is the name of a package in api/tfkeep.txt.
func packageName(path string) string {
	if path+"/" == module {
		return "tfkeep"
	}
	return strings.TrimPrefix(path, module)
}

func methodName(t reflect.Type, method string) string {
	star := ""
	if t.Kind() == reflect.Pointer {
		t, star = t.Elem(), "*"
	}
	return fmt.Sprintf("%s.(%s%s).%s", packageName(t.PkgPath()), star, t.Name(), method)
}

// walker calls functions with all the combinations of arguments that are worth trying.
type walker struct {
	values func(t reflect.Type, receiver bool) []value
	// before is told each call. It returns false for a call that is left out.
	before func(call string) bool
	report func(call, fault string)
	// reported has the faults that were reported, one for each function and cause.
	reported map[string]bool
}

// unready reports whether a receiver is one that makes a method panic by contract: the
// documentation of package tfkeep says so of nil pointers and of zero values, for methods
// that return no error.
func (v value) unready(fn function) bool {
	t := fn.f.Type()
	return t.In(0).Kind() == reflect.Pointer && v.sort != good && v.sort != closed &&
		(!returnsError(t) || strings.HasSuffix(fn.name, ".Unwrap"))
}

// allCombinations is the number of combinations up to which all are tried. Functions with
// more are called with each value once, beside good ones and beside the first of every list.
const allCombinations = 60

func (w *walker) walk(fn function) {
	t := fn.f.Type()
	lists := make([][]value, t.NumIn())
	product := 1
	for i := range lists {
		lists[i] = w.values(t.In(i), fn.receiver && i == 0)
		if t.In(i) == contextType && slices.Contains(endless, fn.name) {
			lists[i][0] = of("soon", good, soon)
		}
		product = min(product*len(lists[i]), allCombinations+1)
	}
	choice := make([]int, len(lists))
	if product <= allCombinations {
		for {
			w.call(fn, lists, choice)
			i := 0
			for ; i < len(choice); i++ {
				if choice[i]++; choice[i] < len(lists[i]) {
					break
				}
				choice[i] = 0
			}
			if i == len(choice) {
				return
			}
		}
	}
	w.call(fn, lists, choice)
	last := func(i int) int { return len(lists[i]) - 1 } // the zero value
	for i := range lists {
		for j := range lists[i] {
			clear(choice)
			choice[i] = j
			w.call(fn, lists, choice)
			for k := range choice {
				if k != i {
					choice[k] = last(k)
				}
			}
			w.call(fn, lists, choice)
		}
	}
}

// limit is how long a call may take whose context has ended.
const limit = 30 * time.Second

func (w *walker) call(fn function, lists [][]value, choice []int) {
	var names []string
	wrong, suspicious := -1, 0
	for i, list := range lists {
		v := list[choice[i]]
		names = append(names, v.name)
		if v.sort > odd && wrong < 0 {
			wrong = i
		}
		if v.sort != good {
			suspicious++
		}
	}
	text := fn.name + "(" + strings.Join(names, ", ") + ")"
	if fn.receiver && lists[0][choice[0]].unready(fn) || !w.before(text) {
		return
	}
	fault := func(what string) {
		cause := fmt.Sprint(fn.name, wrong, strings.SplitN(what, "\n", 2)[0])
		if !w.reported[cause] {
			w.report(text, what)
		}
		w.reported[cause] = true
	}
	in := make([]reflect.Value, len(lists))
	for i, list := range lists {
		in[i] = list[choice[i]].make()
	}
	done := make(chan error, 1)
	go func() { done <- invoke(fn.f, in) }()
	var err error
	select {
	case err = <-done:
	case <-time.After(limit):
		fault("it does not return")
		return
	}
	var p *panicked
	if errors.As(err, &p) {
		fault(fmt.Sprintf("panic: %v\n%s", p.value, p.stack))
		return
	}
	if wrong < 0 || !returnsError(fn.f.Type()) || documented[fn.name] != "" {
		return
	}
	if lists[wrong][choice[wrong]].sort == closed && strings.HasSuffix(fn.name, "Close") || errors.Is(err, context.Canceled) {
		return // closing twice does nothing; an ended context may be seen first
	}
	if (errors.Is(err, tfkeep.ErrNotFound) || errors.Is(err, tfkeep.ErrExists)) && takesString(fn.f.Type()) {
		return // the file or the name may be looked up first
	}
	switch {
	case err == nil:
		fault("no error")
	case suspicious > 1: // it may have seen another one first
	case !errors.Is(err, tfkeep.ErrArgument) && !errors.Is(err, tfkeep.ErrClosed):
		fault("neither ErrArgument nor ErrClosed:\n\t" + err.Error())
	}
}

type panicked struct {
	value any
	stack string
}

func (*panicked) Error() string { return "panic" }

var (
	errorType   = reflect.TypeFor[error]()
	contextType = reflect.TypeFor[context.Context]()
)

func takesString(t reflect.Type) bool {
	for i := range t.NumIn() {
		if t.In(i).Kind() == reflect.String {
			return true
		}
	}
	return false
}

func returnsError(t reflect.Type) bool {
	for i := range t.NumOut() {
		out := t.Out(i)
		if out == errorType || out.Kind() == reflect.Func && out.CanSeq2() && out.In(0).In(1) == errorType {
			return true
		}
	}
	return false
}

// invoke calls a function, walks the iterators that it returns, closes what can be closed,
// and returns the first error.
func invoke(f reflect.Value, in []reflect.Value) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{v, firstFrames(debug.Stack())}
		}
	}()
	var out []reflect.Value
	if f.Type().IsVariadic() {
		out = f.CallSlice(in)
	} else {
		out = f.Call(in)
	}
	for _, v := range out {
		if v.Type() == errorType && !v.IsNil() {
			return v.Interface().(error)
		}
	}
	for _, v := range out {
		if e := use(v); e != nil && err == nil {
			err = e
		}
	}
	return err
}

// use does what a caller does with a result.
func use(v reflect.Value) (err error) {
	t := v.Type()
	switch {
	case t.Kind() == reflect.Func && v.IsNil():
	case t.Kind() == reflect.Func && t.CanSeq2() && t.In(0).In(1) == errorType:
		n := 0
		for _, e := range v.Seq2() {
			if n++; n > 100 {
				break
			}
			if !e.IsNil() && err == nil {
				err = e.Interface().(error)
			}
		}
	case t.Kind() == reflect.Func && t.CanSeq():
		n := 0
		for range v.Seq() {
			if n++; n > 100 {
				break
			}
		}
	case t.Kind() == reflect.Func && t.NumIn() == 0:
		v.Call(nil)
	case v.CanInterface() && (t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface || !v.IsNil()):
		if c, ok := v.Interface().(interface{ Close() error }); ok {
			_ = c.Close()
		}
	}
	return err
}

// firstFrames keeps the part of a stack that says where a panic began.
func firstFrames(stack []byte) string {
	lines := strings.Split(string(stack), "\n")
	var keep []string
	for i, l := range lines {
		if strings.HasPrefix(l, "panic(") {
			keep = nil
			lines = lines[i+2:]
			break
		}
	}
	for _, l := range lines[:min(8, len(lines))] {
		keep = append(keep, strings.TrimSpace(l))
	}
	return "\t" + strings.Join(keep, "\n\t")
}
