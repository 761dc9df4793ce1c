package order_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/freeze/internal/order"
)

func TestAfterStaysInTheIteration(t *testing.T) {
	t.Parallel()
	var g order.Graph
	enter, merge, inner, innerMerge, next, exit := g.Add(), g.Add(), g.Add(), g.Add(), g.Add(), g.Add()
	g.Edge(enter, merge)
	g.Edge(merge, innerMerge)
	g.Edge(innerMerge, inner)
	g.Back(inner, innerMerge, "/a/b")
	g.Edge(inner, next)
	g.Back(next, merge, "/a")
	g.Edge(merge, exit)
	for _, c := range []struct {
		name  string
		event int
		loop  string
		want  []int
	}{
		{"the whole run", inner, "", []int{merge, inner, innerMerge, next, exit}},
		{"an iteration of the outer loop", inner, "/a", []int{inner, innerMerge, next}},
		{"an iteration of the inner loop", inner, "/a/b", []int{next}},
		{"another loop", inner, "/ab", []int{merge, inner, innerMerge, next, exit}},
		{"the last event", exit, "", nil},
	} {
		var got []int
		after := g.After(c.event, c.loop)
		for event := range exit + 2 {
			if after.Has(event) {
				got = append(got, event)
			}
		}
		assert.ElementsMatch(t, c.want, got, c.name)
	}
}

func TestExclusiveNeedsBothSides(t *testing.T) {
	t.Parallel()
	p, notP, q := order.Side{Predicate: "p", Taken: true}, order.Side{Predicate: "p"}, order.Side{Predicate: "q"}
	assert.True(t, order.Exclusive([]order.Side{q, p}, []order.Side{notP}))
	assert.False(t, order.Exclusive([]order.Side{q, p}, []order.Side{p}))
	assert.False(t, order.Exclusive(nil, []order.Side{p}))
}

func ExampleGraph_After() {
	var g order.Graph
	write, sum, read := g.Add(), g.Add(), g.Add()
	g.Edge(write, sum)
	g.Edge(sum, read)
	fmt.Println(g.After(write, "").Has(read), g.After(read, "").Has(write))
	// Output: true false
}
