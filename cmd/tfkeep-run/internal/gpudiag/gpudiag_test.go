package gpudiag

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/tf"
)

const gpu0 = "/job:localhost/replica:0/task:0/device:GPU:0"

// working returns a machine on which everything works. opened counts its sessions.
func working(opened *int) *machine {
	return &machine{
		version: func() string { return "2.21.0" },
		cuda:    func() (bool, error) { return true, nil },
		driver: func() (int, []capi.GPU, error) {
			return 12090, []capi.GPU{{Name: "A GPU", MemoryBytes: 80 << 30, ComputeMajor: 8}}, nil
		},
		open: func(string) error { return nil },
		session: func(context.Context) ([]tf.Device, error) {
			*opened++
			return []tf.Device{{Name: "/device:CPU:0", Type: "CPU", MemoryLimitBytes: 256 << 20}, {Name: gpu0, Type: "GPU", MemoryLimitBytes: 76 << 30}}, nil
		},
		env: func(string) (string, bool) { return "", false },
	}
}

// cannotOpen makes libraries missing.
func cannotOpen(m *machine, missing ...string) {
	m.open = func(name string) error {
		if slices.Contains(missing, name) {
			return errors.New(name + ": cannot open shared object file")
		}
		return nil
	}
}

// set gives m an environment of one variable.
func set(m *machine, name, value string) {
	m.env = func(n string) (string, bool) { return value, n == name }
}

func onlyCPU(m *machine) {
	m.session = func(context.Context) ([]tf.Device, error) {
		return []tf.Device{{Name: "/device:CPU:0", Type: "CPU"}}, nil
	}
}

func TestReportOfWorkingGPU(t *testing.T) {
	var sessions int
	r, err := working(&sessions).diagnose(t.Context(), nil)
	require.NoError(t, err)
	assert.True(t, r.HasGPU())
	assert.Equal(t, &Report{
		Version: "2.21.0", CUDA: true, Driver: "12.9",
		GPUs:    []GPU{{"A GPU", 80 << 30, "8.0"}},
		Session: []Device{{"/device:CPU:0", "CPU", 256 << 20}, {gpu0, "GPU", 76 << 30}},
	}, r)
	assert.Equal(t, 1, sessions)

	r, err = working(&sessions).diagnose(t.Context(), &Options{DriverOnly: true})
	require.NoError(t, err)
	assert.True(t, r.HasGPU())
	assert.Empty(t, r.Session)
	assert.Equal(t, 1, sessions, "only the driver was checked")
}

// faults break a working machine. Each has the words that the report must have.
var faults = []struct {
	name    string
	breakIt func(m *machine)
	want    []string
}{
	{
		"built without CUDA",
		func(m *machine) { m.cuda = func() (bool, error) { return false, nil } },
		[]string{"built without CUDA", "libtensorflow.sh --gpu"},
	},
	{
		"no driver",
		func(m *machine) {
			m.driver = func() (int, []capi.GPU, error) { return 0, nil, errors.New("libcuda.so.1: cannot open") }
		},
		[]string{"no NVIDIA driver (libcuda.so.1: cannot open)", "--gpus all"},
	},
	{
		"no driver because the devices are void",
		func(m *machine) {
			m.driver = func() (int, []capi.GPU, error) { return 0, nil, errors.New("libcuda.so.1: cannot open") }
			set(m, "NVIDIA_VISIBLE_DEVICES", "void")
		},
		[]string{`NVIDIA_VISIBLE_DEVICES is "void"`, "set it to all"},
	},
	{
		"no driver because compute is missing",
		func(m *machine) {
			m.driver = func() (int, []capi.GPU, error) { return 0, nil, errors.New("libcuda.so.1: cannot open") }
			set(m, "NVIDIA_DRIVER_CAPABILITIES", "utility")
		},
		[]string{`NVIDIA_DRIVER_CAPABILITIES is "utility"`, "compute,utility"},
	},
	{
		"driver and module of different versions",
		func(m *machine) {
			m.driver = func() (int, []capi.GPU, error) {
				return 12090, nil, &capi.DriverError{Function: "cuInit", Result: 803, Name: "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"}
			}
		},
		[]string{"cuInit: CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803)", "restart"},
	},
	{
		"an unknown error",
		func(m *machine) {
			m.driver = func() (int, []capi.GPU, error) {
				return 12090, nil, &capi.DriverError{Function: "cuInit", Result: 12345}
			}
		},
		[]string{"cuInit: error 12345"},
	},
	{
		"GPUs hidden from CUDA",
		func(m *machine) {
			m.driver = func() (int, []capi.GPU, error) {
				return 12090, nil, &capi.DriverError{Function: "cuInit", Result: 100, Name: "CUDA_ERROR_NO_DEVICE"}
			}
			set(m, "CUDA_VISIBLE_DEVICES", "-1")
		},
		[]string{"shows this process no GPU", `CUDA_VISIBLE_DEVICES is "-1"`},
	},
	{
		"GPUs hidden from the container",
		func(m *machine) {
			m.driver = func() (int, []capi.GPU, error) { return 12090, nil, nil }
			set(m, "NVIDIA_VISIBLE_DEVICES", "none")
		},
		[]string{"shows no GPU", `NVIDIA_VISIBLE_DEVICES is "none"`},
	},
	{
		"no NVML",
		func(m *machine) {
			cannotOpen(m, nvml)
			set(m, "NVIDIA_DRIVER_CAPABILITIES", "compute")
		},
		[]string{"libnvidia-ml.so.1", `NVIDIA_DRIVER_CAPABILITIES is "compute"`},
	},
	{
		"a library of CUDA",
		func(m *machine) { cannotOpen(m, "libcusolver.so.11") },
		[]string{"libcusolver.so.11 cannot be opened (libcusolver.so.11: cannot open", "skips every GPU"},
	},
}

func TestEachFaultIsReported(t *testing.T) {
	var sessions int
	for _, c := range faults {
		for _, driverOnly := range []bool{true, false} {
			t.Run(c.name, func(t *testing.T) {
				m := working(&sessions)
				onlyCPU(m)
				c.breakIt(m)
				r, err := m.diagnose(t.Context(), &Options{DriverOnly: driverOnly})
				require.NoError(t, err)
				assert.False(t, r.HasGPU())
				for _, want := range c.want {
					assert.Contains(t, strings.Join(r.NoGPU, "\n"), want)
				}
				assert.Equal(t, driverOnly, len(r.Session) == 0)
			})
		}
	}
}

func TestSessionWithGPUIsNoFault(t *testing.T) {
	var sessions int
	m := working(&sessions)
	cannotOpen(m, nvml) // not every build of TensorFlow needs it
	r, err := m.diagnose(t.Context(), nil)
	require.NoError(t, err)
	assert.True(t, r.HasGPU())
}

func TestTensorFlowIgnoresGPU(t *testing.T) {
	var sessions int
	m := working(&sessions)
	onlyCPU(m)
	r, err := m.diagnose(t.Context(), nil)
	require.NoError(t, err)
	assert.False(t, r.HasGPU())
	assert.Contains(t, r.NoGPU[0], "TF_CPP_MIN_LOG_LEVEL=0")
}

func TestNoSessionThatWouldAbort(t *testing.T) {
	var sessions int
	m := working(&sessions)
	cannotOpen(m, cudart)
	r, err := m.diagnose(t.Context(), nil)
	require.NoError(t, err)
	assert.False(t, r.HasGPU())
	assert.Contains(t, r.NoGPU[0], cudart)
	assert.Zero(t, sessions)
}

func TestLibraryFaultsAreErrors(t *testing.T) {
	var sessions int
	m := working(&sessions)
	m.cuda = func() (bool, error) { return false, errors.New("too old") }
	_, err := m.diagnose(t.Context(), nil)
	assert.EqualError(t, err, "too old")
	m = working(&sessions)
	m.cuda = func() (bool, error) { return false, nil }
	m.session = func(context.Context) ([]tf.Device, error) { return nil, errors.New("no session") }
	_, err = m.diagnose(t.Context(), nil)
	assert.EqualError(t, err, "no session")
}

func TestSessionThatCannotBeOpened(t *testing.T) {
	var sessions int
	m := working(&sessions)
	m.session = func(context.Context) ([]tf.Device, error) { return nil, errors.New("CUDA_ERROR_OUT_OF_MEMORY") }
	r, err := m.diagnose(t.Context(), nil)
	require.NoError(t, err)
	assert.False(t, r.HasGPU())
	assert.Len(t, r.GPUs, 1)
	assert.Contains(t, r.NoGPU[0], "a session cannot be opened (CUDA_ERROR_OUT_OF_MEMORY)")
}

func TestDevicesAreThoseOfPython(t *testing.T) {
	r, err := Diagnose(t.Context(), nil)
	require.NoError(t, err)
	var names []string
	for _, d := range r.Session {
		names = append(names, d.Name)
	}
	want := oracle.Value[[]string](t, `
with tf1.Session() as s:
    result = [d.name for d in s.list_devices()]
`)
	if oracle.Value[bool](t, `result = tf.test.is_built_with_cuda()`) == r.CUDA {
		assert.Equal(t, want, names)
	}
	assert.Contains(t, names, "/job:localhost/replica:0/task:0/device:CPU:0")
}

func TestFprint(t *testing.T) {
	var sessions int
	m := working(&sessions)
	r, err := m.diagnose(t.Context(), nil)
	require.NoError(t, err)
	var b strings.Builder
	require.NoError(t, Fprint(&b, r))
	assert.Equal(t, `libtensorflow 2.21.0, built with CUDA
NVIDIA's driver, for CUDA 12.9
  0  A GPU, 80.0 GiB, compute capability 8.0
a session's devices
  /device:CPU:0, CPU
  `+gpu0+`, GPU, 76.0 GiB available
`, b.String())

	cannotOpen(m, "libcudnn.so.9")
	r, err = m.diagnose(t.Context(), &Options{DriverOnly: true})
	require.NoError(t, err)
	b.Reset()
	require.NoError(t, Fprint(&b, r))
	assert.Contains(t, b.String(), "no GPU can be used\n  CUDA's libcudnn.so.9 cannot be opened (libcudnn.so.9: cannot open shared object file)\n")
}
