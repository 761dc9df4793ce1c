package devices

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tfkeep/tfkeep/capi"
)

const (
	cudart = "libcudart.so.12"
	nvml   = "libnvidia-ml.so.1"
)

// libraries are what TensorFlow opens before it registers a GPU: if one is missing it
// skips them all (tsl's dso_loader.cc, MaybeTryDlopenGPULibraries).
var libraries = []string{
	cudart, "libcublas.so.12", "libcublasLt.so.12", "libcufft.so.11",
	"libcusolver.so.11", "libcusparse.so.12", "libcudnn.so.9",
}

// hints say what to do about errors of the driver.
var hints = map[int]string{
	35:  "NVIDIA's driver is too old for CUDA 12: install a newer one",
	100: "the driver shows this process no GPU",
	802: "the machine's GPUs are still starting: try again in a moment",
	803: "the driver's library and its kernel module are of different versions: restart the machine, and the container after it",
	804: "the driver is too old for CUDA 12 on this kind of GPU: install a newer one",
	999: "the driver's kernel module does not answer: look at nvidia-smi outside of the container, and at dmesg",
}

// askDriver fills in what the driver shows, and says why that is nothing.
func (m *machine) askDriver(r *Report) (faults []string) {
	version, gpus, err := m.driver()
	if version > 0 {
		r.Driver = fmt.Sprintf("%d.%d", version/1000, version%1000/10)
	}
	for _, g := range gpus {
		r.GPUs = append(r.GPUs, GPU{g.Name, g.MemoryBytes, fmt.Sprintf("%d.%d", g.ComputeMajor, g.ComputeMinor)})
	}
	var failed *capi.DriverError
	switch {
	case errors.As(err, &failed):
		faults = append(faults, withHint(err.Error(), hints[failed.Result]))
	case err != nil:
		return []string{withHint(fmt.Sprintf("there is no NVIDIA driver (%v)", err), m.noDriver())}
	case len(gpus) == 0:
		faults = append(faults, "NVIDIA's driver is there and shows no GPU")
	}
	if len(gpus) == 0 {
		faults = append(faults, m.hidden()...)
	}
	if err := m.open(nvml); err != nil {
		faults = append(faults, withHint(fmt.Sprintf("TensorFlow counts GPUs with %s, and it cannot be opened (%v)", nvml, err), m.noUtility()))
	}
	return faults
}

func withHint(fault, hint string) string {
	if hint == "" {
		return fault
	}
	return fault + ": " + hint
}

// noDriver says how the driver gets to where a process can open it.
func (m *machine) noDriver() string {
	if set, ok := m.env("NVIDIA_VISIBLE_DEVICES"); ok && (set == "" || set == "void") {
		return fmt.Sprintf("NVIDIA_VISIBLE_DEVICES is %q, which keeps NVIDIA's container toolkit away; set it to all, or to the GPUs' numbers", set)
	}
	if set, ok := m.env("NVIDIA_DRIVER_CAPABILITIES"); ok && !names(set, "compute") {
		return fmt.Sprintf("NVIDIA_DRIVER_CAPABILITIES is %q; set it to compute,utility", set)
	}
	return "in a container, start it with --gpus all, for which the machine needs NVIDIA's container toolkit; elsewhere install NVIDIA's driver"
}

// noUtility says why NVML is not there although the driver is.
func (m *machine) noUtility() string {
	if set, ok := m.env("NVIDIA_DRIVER_CAPABILITIES"); ok && !names(set, "utility") {
		return fmt.Sprintf("NVIDIA_DRIVER_CAPABILITIES is %q; set it to compute,utility", set)
	}
	return "it comes with NVIDIA's driver; in a container, NVIDIA_DRIVER_CAPABILITIES=compute,utility brings it"
}

// names says whether a list of the driver's capabilities has one.
func names(list, capability string) bool {
	for c := range strings.SplitSeq(list, ",") {
		if c = strings.TrimSpace(c); c == capability || c == "all" {
			return true
		}
	}
	return false
}

// hidden says which variables keep GPUs from a process.
func (m *machine) hidden() (faults []string) {
	if set, ok := m.env("NVIDIA_VISIBLE_DEVICES"); ok && (set == "" || set == "void" || set == "none") {
		faults = append(faults, fmt.Sprintf("NVIDIA_VISIBLE_DEVICES is %q: set it to all, or to the GPUs' numbers", set))
	}
	if set, ok := m.env("CUDA_VISIBLE_DEVICES"); ok && (set == "" || strings.HasPrefix(set, "-")) {
		faults = append(faults, fmt.Sprintf("CUDA_VISIBLE_DEVICES is %q, which hides all GPUs: unset it", set))
	}
	return faults
}

// missing names the libraries of CUDA that cannot be opened.
func (m *machine) missing() (faults []string) {
	for _, library := range libraries {
		if err := m.open(library); err != nil {
			faults = append(faults, fmt.Sprintf("CUDA's %s cannot be opened (%v)", library, err))
		}
	}
	if len(faults) > 0 {
		faults = append(faults, "without all of CUDA's libraries TensorFlow skips every GPU: install the missing ones, or let the loader find them, by /etc/ld.so.conf.d and ldconfig or by LD_LIBRARY_PATH; docs/gpu.md tells where they lie")
	}
	return faults
}
