package dtype_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/dtype"
)

func TestNumElements(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		shape []int64
		want  int64
		ok    bool
	}{
		{nil, 1, true}, {[]int64{3, 4}, 12, true}, {[]int64{0, 1 << 62, 1 << 62}, 0, true},
		{[]int64{math.MaxInt64, 1}, math.MaxInt64, true}, {[]int64{math.MaxInt64, 2}, 0, false}, {[]int64{-1}, 0, false}, {[]int64{0, -1}, 0, false},
	} {
		n, ok := dtype.NumElements(c.shape)
		assert.Equal(t, c.want, n, "%v", c.shape)
		assert.Equal(t, c.ok, ok, "%v", c.shape)
	}
}
