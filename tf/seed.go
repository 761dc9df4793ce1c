package tf

import "math"

// defaultGraphSeed is TensorFlow's graph seed for operations with a seed in a graph
// without one (random_seed.DEFAULT_GRAPH_SEED).
const defaultGraphSeed = 87654321

// seed is a graph's random seed and the number of operations that it seeded.
type seed struct {
	graph *int64
	next  int64
}

// SetRandomSeed makes the random operations that are added after it repeatable: each gets
// the seed and its number among the seeded operations, as after Python's
// tf.compat.v1.set_random_seed.
func (g *Graph) SetRandomSeed(seed int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seed.graph = &seed
}

// randomSeeds returns the attributes seed and seed2 for a random operation with the seed
// op, or nil for none, as random_seed.get_seed does. If both are zero the library draws a
// seed in each session.
func (g *Graph) randomSeeds(op *int64) (seed, seed2 int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.seed.graph == nil && op == nil:
		return 0, 0
	case g.seed.graph == nil:
		seed, seed2 = defaultGraphSeed, truncateSeed(*op)
	case op == nil:
		seed, seed2 = truncateSeed(*g.seed.graph), truncateSeed(g.seed.next)
		g.seed.next++
	default:
		seed, seed2 = truncateSeed(*g.seed.graph), truncateSeed(*op)
	}
	if seed == 0 && seed2 == 0 {
		// Two zeros would mean no seed.
		return 0, math.MaxInt32
	}
	return seed, seed2
}

// truncateSeed is Python's seed % (2**31 - 1), never negative.
func truncateSeed(s int64) int64 {
	s %= math.MaxInt32
	if s < 0 {
		s += math.MaxInt32
	}
	return s
}
