package archtest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// floor is a group of packages of the same height. Imports point down: a package imports
// packages of lower floors, and on its own floor those that stand before it.
type floor struct {
	name string
	// pure packages build with CGO_ENABLED=0 and never need libtensorflow.
	pure     bool
	packages []string
}

// house lists every package of the module, from the ground up. ARCHITECTURE.md draws it.
var house = []floor{
	{"words", true, []string{
		".",
		"dtype/internal/smallfloat",
		"dtype",
		"status",
	}},
	{"ground", true, []string{
		"examples/digits/dataset",
		"internal/argcheck",
		"internal/collectiondef",
		"internal/crc32c",
		"internal/devicename",
		"internal/filekind",
		"internal/filenames",
		"internal/live",
		"internal/namelist",
		"internal/nearest",
		"internal/parallel",
		"internal/test/archtest",
		"internal/test/barerun",
		"internal/test/docs",
		"internal/test/procmem",
		"internal/test/python",
		"internal/test/syscalls",
		"scripts/apitext",
		"internal/namescope",
		"internal/nodedef",
		"internal/tfproto",
		"internal/table",
		"internal/table/tabletest",
		"internal/test/leftover",
		"internal/test/oracle",
		"internal/textformat",
		"internal/vfs",
		"internal/fingerprint",
		"internal/locknote",
		"internal/modeldir",
		"internal/ndtext",
		"internal/npy",
		"internal/vfs/crashfs",
		"internal/vfs/memfs",
	}},
	{"graph files", true, []string{
		"graphdef",
		"graphdef/diff",
		"graphdef/draw",
		"graphdef/internal/ports",
		"graphdef/internal/sizes",
		"graphdef/savergraph",
		"graphdef/signature",
		"graphdef/tensorboard",
		"graphdef/opdef",
		"internal/funcgraph",
		"graphdef/check",
		"graphdef/safety",
		"graphdef/edit",
		"graphdef/summary",
	}},
	{"checkpoint files", true, []string{
		"checkpoint/internal/wire",
		"checkpoint/internal/recovery",
		"checkpoint",
		"checkpoint/diff",
		"checkpoint/dir",
		"checkpoint/objectgraph",
		"checkpoint/sources",
		"checkpoint/stats",
		"checkpoint/internal/safetensors",
	}},
	{"tools", true, []string{
		"internal/test/tftest",
		"saver/internal/journal",
		"checkpoint/convert",
		"freeze/internal/order",
		"freeze",
		"freeze/inference/internal/decide",
		"freeze/inference",
		"savedmodel/offline",
		"verify",
	}},
	{"the command tfkeep", true, []string{
		"cmd/internal/cli",
		"cmd/tfkeep/internal/command/ui",
		"cmd/tfkeep/internal/command",
		"cmd/tfkeep",
		"cmd/tfkeep/internal/gendocs",
	}},
	{"sessions", false, []string{
		"internal/test/interop",
		"capi",
		"internal/graphbuild",
		"tf/train/internal/autodiff",
		"scripts/oplist",
		"scripts/genop",
		"scripts/opfuzz",
		"scripts/shapereads",
		"tf",
		"tf/op", "tf/cluster", "tf/trace",
		"tf/train",
		"internal/test/localcluster",
		"saver",
		"internal/test/tftest/tfgraph",
		"savedmodel",
		"saver/supervisor",
		"internal/test/misuse",
	}},
	{"programs", false, []string{
		"cmd/tfkeep-run/internal/gpudiag",
		"cmd/tfkeep-server",
		"examples/digits/model",
		"examples/digits/training",
		"examples/finetune",
		"examples/preempt",
		"examples/tf2",
		"examples/quickstart",
		"examples/resume",
		"bench",
		"cmd/tfkeep-run",
		"examples/cluster",
		"examples/digits/predict",
		"examples/digits/resume",
		"examples/digits/train",
	}},
}

// place is where a package stands in the house.
type place struct{ floor, index int }

func (p place) above(q place) bool {
	return p.floor > q.floor || p.floor == q.floor && p.index > q.index
}

func places() map[string]place {
	all := map[string]place{}
	for f, floor := range house {
		for i, path := range floor.packages {
			all[path] = place{f, i}
		}
	}
	return all
}

func TestEveryPackageHasAPlace(t *testing.T) {
	listed := map[string]bool{}
	all := places()
	for _, p := range list(t) {
		listed[p.path()] = true
		_, ok := all[p.path()]
		assert.True(t, ok, "%s is on no floor: put it into the house of house_test.go, as low as its imports let it", p.path())
	}
	total := 0
	for _, floor := range house {
		total += len(floor.packages)
		for _, path := range floor.packages {
			assert.True(t, listed[path], "%s stands on floor %q and does not exist", path, floor.name)
		}
	}
	assert.Len(t, all, total, "a package stands in two places")
}

func TestImportsPointDown(t *testing.T) {
	all := places()
	for _, p := range list(t) {
		for _, dep := range p.Imports {
			if !under(dep, module) {
				continue
			}
			path := (pkg{ImportPath: dep}).path()
			assert.True(t, all[p.path()].above(all[path]), "%s imports %s, which is not below it", p.path(), path)
		}
	}
}

func TestPurePackagesReachNoCgo(t *testing.T) {
	all := places()
	for _, p := range list(t) {
		if !house[all[p.path()].floor].pure {
			continue
		}
		assert.Empty(t, p.CgoFiles, "%s uses cgo", p.path())
		for _, dep := range p.Deps {
			assert.NotEqual(t, binding, dep, "%s reaches the binding, which needs libtensorflow", p.path())
			assert.False(t, under(dep, module+"/capi"), "%s reaches capi, which needs libtensorflow", p.path())
		}
	}
}

// The benchmarks may use what helps tests. Imports of test files do not count.
func TestPackagesDoNotImportTestHelpers(t *testing.T) {
	const helpers = "internal/test"
	for _, p := range list(t) {
		if under(p.path(), helpers) || p.path() == "bench" {
			continue
		}
		for _, dep := range p.Imports {
			assert.False(t, under(dep, module+"/"+helpers), "%s imports %s", p.path(), dep)
		}
	}
}
