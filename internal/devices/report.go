package devices

import (
	"fmt"
	"os"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/tf"
)

// Report is what was found.
type Report struct {
	// Version is libtensorflow's, CUDA whether it was built for GPUs.
	Version string `json:"version"`
	CUDA    bool   `json:"cuda"`
	// Driver is the newest CUDA that NVIDIA's driver knows, such as "12.9"; empty
	// where there is no driver, or none was asked, for a library without CUDA.
	Driver string `json:"driver,omitempty"`
	// GPUs are the driver's.
	GPUs []GPU `json:"gpus"`
	// Session are a session's devices; none where none was opened.
	Session []Device `json:"session,omitempty"`
	// NoGPU says why no GPU can be used, what to do about it included. It is empty
	// where one can.
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
	// MemoryBytes is what the session may take of it. TensorFlow says 256 MiB for
	// every CPU, which means nothing.
	MemoryBytes int64 `json:"memoryBytes"`
}

// HasGPU says whether a GPU can be used.
func (r *Report) HasGPU() bool { return len(r.NoGPU) == 0 }

// Options are what to ask.
type Options struct {
	// DriverOnly opens no session, which takes some hundred megabytes of each GPU:
	// the driver is asked, and CUDA's libraries are opened.
	DriverOnly bool
}

// Ask finds out. The error is one of the library itself; that there is no GPU is none.
func Ask(o Options) (*Report, error) { return here.ask(o) }

// machine is where it is asked.
type machine struct {
	version func() string
	cuda    func() (bool, error)
	driver  func() (int, []capi.GPU, error)
	open    func(library string) error
	session func() ([]tf.Device, error)
	env     func(name string) (string, bool)
}

func (m *machine) ask(o Options) (*Report, error) {
	cuda, err := m.cuda()
	if err != nil {
		return nil, err
	}
	r := &Report{Version: m.version(), CUDA: cuda, GPUs: []GPU{}}
	var faults []string
	if !cuda {
		faults = []string{fmt.Sprintf("libtensorflow %s was built without CUDA: use one that was built with it, as scripts/libtensorflow.sh --gpu gets", r.Version)}
	} else {
		faults = append(m.askDriver(r), m.missing()...)
	}
	if o.DriverOnly || m.wouldAbort(r) {
		r.NoGPU = faults
		return r, nil
	}
	devices, err := m.session()
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
		r.NoGPU = []string{"TensorFlow passes over the GPUs that the driver shows: with TF_CPP_MIN_LOG_LEVEL=0 its log may tell why"}
	default:
		r.NoGPU = faults
	}
	return r, nil
}

// wouldAbort says whether a session would end the process: TensorFlow does where the
// driver shows a GPU and CUDA's runtime library is not there.
func (m *machine) wouldAbort(r *Report) bool {
	return len(r.GPUs) > 0 && m.open(cudart) != nil
}

// here is this machine.
var here = &machine{
	version: capi.Version,
	cuda:    capi.HasGPUKernels,
	driver:  capi.Driver,
	open:    capi.OpenLibrary,
	session: session,
	env:     os.LookupEnv,
}

// session opens one that takes as little of the GPUs as can be.
func session() ([]tf.Device, error) {
	s, err := tf.NewSession(tf.NewGraph(), &tf.SessionOptions{GPU: tf.GPUOptions{AllowGrowth: true}})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Devices()
}
