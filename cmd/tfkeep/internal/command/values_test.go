package command

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

func TestCat(t *testing.T) {
	inFixture(t, "m", fixture())
	assert.Equal(t, "hidden/w  float32 [2, 3]\n[[ 0.125 -1.     2.   ]\n [ 3.     4.     5.   ]]\n", good(t, "cat", "m", "hidden/w"))
	assert.Equal(t, "step  int64 []\n10000\n", good(t, "cat", "m", "step"))
	assert.Equal(t, "words  string [2]\n[\"hi\\n\" \"\\xff\"]\n", good(t, "cat", "m", "words"))
	assert.Equal(t, "half  bfloat16 [2]\n[ 1.  -0.1]\n", good(t, "cat", "m", "half"))
	assert.Equal(t, "embedding  float32 [2, 1]\n[[4.]\n [6.]]\n", good(t, "cat", "m", "embedding", "--slice", "1,2:1,1"))
}

func TestCatJSON(t *testing.T) {
	inFixture(t, "m", fixture())
	for _, c := range []struct {
		name string
		want string
	}{
		{"hidden/w", `{"name":"hidden/w","dtype":"float32","shape":[2,3],"values":[[0.125,-1,2],[3,4,5]]}`},
		{"step", `{"name":"step","dtype":"int64","shape":[],"values":10000}`},
		{"broken", `{"name":"broken","dtype":"float32","shape":[4],"values":[1,"NaN","Infinity",0]}`},
		{"words", `{"name":"words","dtype":"string","shape":[2],"values":["hi\n",{"base64":"/w=="}]}`},
		{"half", `{"name":"half","dtype":"bfloat16","shape":[2],"values":[1,-0.1]}`},
	} {
		assert.Equal(t, c.want+"\n", good(t, "cat", "--json", "m", c.name))
	}
}

func TestCatNPYIsReadByNumPy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	save(t, file("m"), append(fixture()[:7], checkpoint.Tensor{
		Name: "words", DType: dtype.String, Shape: []int64{2}, Strings: [][]byte{[]byte("a"), []byte("bc")}}))
	for _, name := range []string{"embedding", "half", "words", "step"} {
		code, out, errs := execute(t, "cat", file("m"), name, "--npy", file(name+".npy"))
		require.Equal(t, cli.ExitOK, code, errs)
		assert.Empty(t, out)
		assert.Contains(t, errs, "wrote "+file(name+".npy"))
		assert.Equal(t, name == "half", strings.Contains(errs, "as float32, which holds every bfloat16 exactly"))
	}
	got := oracle.Value[[]string](t, `
result = [str(a.dtype) + " " + str(a.tolist()) for a in (np.load(os.path.join(args[0], n + ".npy")) for n in args[1])]
`, dir, []string{"embedding", "half", "words", "step"})
	assert.Equal(t, []string{
		"float32 [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]", "float32 [1.0, -0.10009765625]", "|S2 [b'a', b'bc']", "int64 10000",
	}, got)
	assert.True(t, strings.HasPrefix(good(t, "cat", file("m"), "step", "--npy", "-"), "\x93NUMPY"))
}

func TestCatNPYFailureLeavesNoFile(t *testing.T) {
	inFixture(t, "m", fixture())
	flipByte(t, "m.data-00000-of-00001", 0)
	code, _, errs := execute(t, "cat", "m", "broken", "--npy", "x.npy")
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, errs, `tensor "broken"`)
	assert.NoFileExists(t, "x.npy")
	code, _, errs = execute(t, "cat", "m", "step", "--npy", "no/such/dir/x.npy")
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, errs, "no/such/dir/x.npy")
}

func TestStats(t *testing.T) {
	inFixture(t, "m", fixture())
	assert.Equal(t, text(`
		NAME       DTYPE       SHAPE       MIN    MAX   MEAN     STD   ZERO  NAN  INF  HISTOGRAM
		broken     float32     [4]           0      1    0.5     0.5  25.0%    1    1  █              █
		embedding  float32     [3, 2]        1      6    3.5   1.708     0%    0    0  █  █  █  █  █  █
		half       bfloat16    [2]     -0.1001      1   0.45    0.55     0%    0    0  █              █
		hidden/b   float32     [3]           0      1    0.5  0.4082  33.3%    0    0  █       █      █
		hidden/w   float32     [2, 3]       -1      5  2.188   2.094     0%    0    0  █  █    █ █  █ █
		step       int64       []        10000  10000  10000       0     0%    0    0  █
		words      len string  [2]           1      3      2       1     0%    0    0  █              █
		1 tensor with 1 NaN and 1 infinite value
		`), good(t, "stats", "m"))
}

func TestStatsJSON(t *testing.T) {
	inFixture(t, "m", append(fixture(), checkpoint.Tensor{Name: "empty", DType: dtype.Float32, Shape: []int64{0}, Data: []byte{}}))
	lines := jsonLines(t, good(t, "stats", "--json", "m", "e*", "hidden/b"))
	require.Len(t, lines, 3)
	assert.Equal(t, "embedding", lines[0]["name"])
	assert.Nil(t, lines[1]["min"])
	assert.Equal(t, []any{}, lines[1]["histogram"])
	assert.Equal(t, 0.5, lines[2]["mean"])
	assert.Equal(t, 1.0, lines[2]["zeros"])
	assert.Len(t, lines[2]["histogram"], 16)
}

func TestDamagedValuesAreAnError(t *testing.T) {
	inFixture(t, "m", fixture())
	flipByte(t, "m.data-00000-of-00001", 0)
	for _, args := range [][]string{{"stats", "m"}, {"cat", "m", "broken"}, {"diff", "m", "m"}} {
		code, _, errs := execute(t, args...)
		assert.Equal(t, cli.ExitFailed, code, args)
		assert.Contains(t, errs, "tfkeep: read m.data-00000-of-00001", args)
		assert.Contains(t, errs, "corrupt", args)
	}
	good(t, "ls", "m") // which looks at the index only
}
