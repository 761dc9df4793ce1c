package ndtext_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/ndtext"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

func text(t *testing.T, dt dtype.DataType, shape []int64, data []byte, values [][]byte, o *ndtext.Options) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, ndtext.Fprint(&b, dt, shape, data, values, o))
	return b.String()
}

func TestFprintMatchesNumPy(t *testing.T) {
	t.Parallel()
	type sample struct {
		Expr  string
		DType string
		Shape []int64
		Data  []byte
		Text  string
	}
	samples := oracle.Value[[]sample](t, `
rng = np.random.default_rng(0)
exprs = [
    "np.arange(12).reshape(3, 4)", "np.arange(-5, 5, dtype=np.int8)", "np.array([2**63], np.uint64)",
    "np.array([-2**63, 2**63-1])", "np.arange(1001)", "np.arange(5000).reshape(50, 100)", "np.arange(2000).reshape(2, 2, 500)",
    "np.arange(8).reshape(2, 2, 2)", "np.arange(16).reshape(2, 2, 2, 2)", "np.zeros((0, 3))", "np.array([True, False])", "np.array(True)",
    "np.array([1.0, 2.5])", "np.array([1.0, -2.5])", "np.array([0.1, 1e-5])", "np.array([1e8, 1.0])", "np.array([1.0, 5000.0])",
    "np.array([0.1], np.float32)", "np.array([1/3, 2/3], np.float32)", "np.array([1/3, 2/3])", "np.array([1e-300, 1e300])",
    "np.array([np.nan, 1.0])", "np.array([np.inf, -np.inf, 1.0])", "np.array([np.nan])", "np.array([np.inf])", "np.array([-np.inf])",
    "np.array([-np.inf, 123.456])", "np.array([0.0, -0.0])", "np.array([1e16])", "np.array([123456789.125])", "np.array([99999.5])",
    "np.array(0.1, np.float32)", "np.array(1e20)", "np.array(1e-7)", "np.array(3.0)", "np.array(np.nan)", "np.array(123456.789)", "np.array(7)",
    "np.array([1/3, 0.5, 1000.0], np.float16)", "np.array([6e-8, 65504], np.float16)", "np.array([0.1], np.float16)",
    "np.array([1+2j, -0.5-1j])", "np.array([1+2j, 1e10-1j], np.complex64)", "np.array([complex('nan'), 1j])", "np.array([complex('inf'), 1j])",
    "rng.normal(size=(4, 5))", "rng.normal(size=(4, 5)).astype(np.float32)", "rng.normal(size=(30, 50)).astype(np.float32)",
    "rng.normal(size=20) * 1e-3", "rng.uniform(size=17).astype(np.float16)", "rng.normal(size=(3, 3)) * 1e6",
    "np.array([1.5, np.nan, 1e-9], np.float32)", "np.array([0.1, 1e-9], np.float32)", "np.array([0.1+1e-9j, 1], np.complex64)", "np.array([[np.nan, -1e-10]])", "np.array([5e-324])", "np.array([1e22, 1e21])",
]
result = []
for e in exprs:
    a = eval(e)
    result.append({"Expr": e, "DType": a.dtype.name, "Shape": list(a.shape), "Data": a.tobytes(), "Text": str(a)})
`)
	require.NotEmpty(t, samples)
	for _, s := range samples {
		dt, ok := dtype.Parse(s.DType)
		require.True(t, ok, s.DType)
		assert.Equal(t, s.Text, text(t, dt, s.Shape, s.Data, nil, nil), s.Expr)
	}
}

func TestFprintSmallFloats(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "[ 0.1   -0.334]", text(t, dtype.BFloat16, []int64{2}, []byte{0xcd, 0x3d, 0xab, 0xbe}, nil, nil))
	assert.Equal(t, "[1.   0.09]", text(t, dtype.Float8E5M2, []int64{2}, []byte{0x3c, 0x2e}, nil, nil))
}

func TestFprintStrings(t *testing.T) {
	t.Parallel()
	values := [][]byte{[]byte("a\n"), []byte("é\xff"), nil}
	assert.Equal(t, `["a\n" "é\xff" ""]`, text(t, dtype.String, []int64{3}, nil, values, nil))
	assert.Equal(t, `"a\n"`, text(t, dtype.String, nil, nil, values[:1], nil))
	long := text(t, dtype.String, nil, nil, [][]byte{[]byte(strings.Repeat("é", 500))}, nil)
	assert.Equal(t, `"`+strings.Repeat("é", 100)+`"… (1000 bytes)`, long)
}

func TestFprintFull(t *testing.T) {
	t.Parallel()
	data := make([]byte, 2000)
	assert.Contains(t, text(t, dtype.Uint8, []int64{2000}, data, nil, nil), "...")
	full := text(t, dtype.Uint8, []int64{2000}, data, nil, &ndtext.Options{Full: true, Width: 40})
	assert.Equal(t, 2000, strings.Count(full, "0"))
	for _, line := range strings.Split(full, "\n") {
		assert.LessOrEqual(t, len(line), 40)
	}
}

func TestFprintRefusesMismatch(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	assert.ErrorIs(t, ndtext.Fprint(&b, dtype.Int32, []int64{2}, []byte{1}, nil, nil), tfkeep.ErrMismatch)
	assert.ErrorIs(t, ndtext.Fprint(&b, dtype.String, []int64{2}, nil, nil, nil), tfkeep.ErrMismatch)
	assert.ErrorIs(t, ndtext.Fprint(&b, dtype.Variant, nil, nil, nil, nil), tfkeep.ErrUnsupported)
}
