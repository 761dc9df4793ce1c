package gpudiag

import (
	"context"
	"fmt"
	"os"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/tf"
)

// Report is the result of Diagnose.
type Report struct {
	// Version is the version of libtensorflow. CUDA is true if it was built for GPUs.
	Version string `json:"version"`
	CUDA    bool   `json:"cuda"`
	// Driver is the newest CUDA that NVIDIA's driver supports, such as "12.9". It is empty
	// if there is no driver, and if libtensorflow was built without CUDA.
	Driver string `json:"driver,omitempty"`
	// GPUs are the GPUs that the driver shows.
	GPUs []GPU `json:"gpus"`
	// Session are the devices of a session. It is empty if no session was opened.
	Session []Device `json:"session,omitempty"`
	// NoGPU are the reasons why no GPU can be used, with remedies. It is empty if a GPU
	// can be used.
	NoGPU []string `json:"noGPU,omitempty"`
}

// GPU is a GPU that the driver shows.
type GPU struct {
	Name        string `json:"name"`
	MemoryBytes int64  `json:"memoryBytes"`
	// Capability is the compute capability, such as "8.0".
	Capability string `json:"computeCapability"`
}

// Device is a device of a session.
type Device struct {
	Name string `json:"name"`
	Type string `json:"type"`
	// MemoryBytes is the memory that the session may use. For every CPU TensorFlow
	// reports 256 MiB, which means nothing.
	MemoryBytes int64 `json:"memoryBytes"`
}

// HasGPU reports whether a GPU can be used.
func (r *Report) HasGPU() bool { return len(r.NoGPU) == 0 }

// Options are the options of Diagnose. Nil and the zero value are the defaults.
type Options struct {
	// DriverOnly opens no session, which needs several hundred megabytes of each GPU. It
	// only checks the driver and CUDA's libraries.
	DriverOnly bool
}

// Diagnose reports the GPUs of this machine, and why no session can use one. It returns an
// error only if libtensorflow itself fails; a missing GPU is not an error.
func Diagnose(ctx context.Context, opts *Options) (*Report, error) { return here.diagnose(ctx, opts) }

// machine is what Diagnose examines.
type machine struct {
	version func() string
	cuda    func() (bool, error)
	driver  func() (int, []capi.GPU, error)
	open    func(library string) error
	session func(ctx context.Context) ([]tf.Device, error)
	env     func(name string) (string, bool)
}

func (m *machine) diagnose(ctx context.Context, opts *Options) (*Report, error) {
	if opts == nil {
		opts = new(Options)
	}
	cuda, err := m.cuda()
	if err != nil {
		return nil, err
	}
	r := &Report{Version: m.version(), CUDA: cuda, GPUs: []GPU{}}
	var faults []string
	if !cuda {
		faults = []string{fmt.Sprintf("libtensorflow %s was built without CUDA: use one that was built with CUDA, such as scripts/libtensorflow.sh --gpu installs", r.Version)}
	} else {
		faults = append(m.checkDriver(r), m.libraryFaults()...)
	}
	if opts.DriverOnly || m.wouldAbort(r) {
		r.NoGPU = faults
		return r, nil
	}
	devices, err := m.session(ctx)
	if err != nil && cuda {
		r.NoGPU = append(faults, fmt.Sprintf("a session cannot be opened (%v): another program may have taken the GPU's memory", err))
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	found := false
	for _, d := range devices {
		r.Session = append(r.Session, Device{d.Name, d.Type, d.MemoryLimitBytes})
		found = found || d.Type == "GPU"
	}
	switch {
	case found:
	case len(faults) == 0:
		r.NoGPU = []string{"TensorFlow ignores the GPUs that the driver shows: its log may say why with TF_CPP_MIN_LOG_LEVEL=0"}
	default:
		r.NoGPU = faults
	}
	return r, nil
}

// wouldAbort reports whether opening a session would end the process. TensorFlow does that
// if the driver shows a GPU and CUDA's runtime library is missing.
func (m *machine) wouldAbort(r *Report) bool {
	return len(r.GPUs) > 0 && m.open(cudart) != nil
}

// here is this machine.
var here = &machine{
	version: capi.Version,
	cuda:    capi.HasGPUKernels,
	driver:  capi.Driver,
	open:    capi.OpenLibrary,
	session: sessionDevices,
	env:     os.LookupEnv,
}

// sessionDevices returns the devices of a session that uses as little GPU memory as
// possible.
func sessionDevices(ctx context.Context) ([]tf.Device, error) {
	s, err := tf.NewSession(tf.NewGraph(), &tf.SessionOptions{GPU: tf.GPUOptions{AllowGrowth: true}})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Devices(ctx)
}
