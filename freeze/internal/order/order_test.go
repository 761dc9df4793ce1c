package order_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/freeze/internal/order"
)

func graphOf(events int, edges ...[2]int) *order.Graph {
	g := &order.Graph{}
	for range events {
		g.Add()
	}
	for _, e := range edges {
		g.Edge(e[0], e[1])
	}
	return g
}

func TestFindSortsAccesses(t *testing.T) {
	t.Parallel()
	yes, no := []order.Side{{Predicate: "p", Taken: true}}, []order.Side{{Predicate: "p"}}
	read := func(event int) order.Access { return order.Access{Event: event} }
	write := func(event int) order.Access { return order.Access{Event: event, Writes: true} }
	for _, c := range []struct {
		name     string
		edges    [][2]int
		accesses []order.Access
		want     [][]int
		race     *order.Race
	}{
		{"a read after a write", [][2]int{{0, 1}, {1, 2}}, []order.Access{write(0), read(2)}, [][]int{nil, {0}}, nil},
		{"a read before a write", [][2]int{{0, 1}}, []order.Access{read(0), write(1)}, [][]int{nil, nil}, nil},
		{"no order", nil, []order.Access{read(0), write(1)}, nil, &order.Race{Access: 0, Write: 1}},
		{"two writes without order", nil, []order.Access{write(0), write(1)}, nil, &order.Race{Access: 1, Write: 0}},
		{"two reads need none", nil, []order.Access{read(0), read(1)}, [][]int{nil, nil}, nil},
		{"a chain of writes", [][2]int{{0, 1}, {1, 2}}, []order.Access{read(2), write(0), write(1)}, [][]int{{1, 2}, nil, {1}}, nil},
		{"sides of a condition", nil, []order.Access{{Event: 0, Sides: yes}, {Event: 1, Writes: true, Sides: no}}, [][]int{nil, nil}, nil},
		{"the same side", nil, []order.Access{{Event: 0, Sides: yes}, {Event: 1, Writes: true, Sides: yes}}, nil, &order.Race{Access: 0, Write: 1}},
		{"used before the write", [][2]int{{0, 1}, {1, 2}}, []order.Access{{Event: 0, Uses: []order.Use{{Event: 1}, {Event: 2}}}, write(2)}, [][]int{nil, nil}, nil},
		{"used after the write", [][2]int{{0, 1}, {1, 2}}, []order.Access{{Event: 0, Uses: []order.Use{{Event: 2}}}, write(1)}, nil, &order.Race{Access: 0, Write: 1, Late: true}},
		{"used at the end", [][2]int{{0, 1}}, []order.Access{{Event: 0, Uses: []order.Use{{Event: 0, Last: true}}}, write(1)}, nil, &order.Race{Access: 0, Write: 1, Late: true}},
		{"used on the other side", [][2]int{{0, 1}}, []order.Access{{Event: 0, Uses: []order.Use{{Event: 2, Sides: no}}}, {Event: 1, Writes: true, Sides: yes}}, [][]int{nil, nil}, nil},
		{"a write in a loop follows itself", [][2]int{{0, 1}, {1, 0}}, []order.Access{write(0)}, [][]int{{0}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, race := graphOf(3, c.edges...).Find(c.accesses)
			require.Equal(t, c.race, race)
			assert.Equal(t, c.want, got)
		})
	}
}

func ExampleGraph_Find() {
	var g order.Graph
	write, sum, read := g.Add(), g.Add(), g.Add()
	g.Edge(write, sum)
	g.Edge(sum, read)
	before, _ := g.Find([]order.Access{{Event: write, Writes: true}, {Event: read}})
	fmt.Println(before[1])
	// Output: [0]
}
