package gpudiag

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

// libraries are the libraries that TensorFlow opens before it registers a GPU. If one is
// missing, TensorFlow skips all GPUs (tsl's dso_loader.cc, MaybeTryDlopenGPULibraries).
var libraries = []string{
	cudart, "libcublas.so.12", "libcublasLt.so.12", "libcufft.so.11",
	"libcusolver.so.11", "libcusparse.so.12", "libcudnn.so.9",
}

// hints are remedies for errors of the driver, by the number of the error.
var hints = map[int]string{
	35:  "NVIDIA's driver is too old for CUDA 12: install a newer one",
	100: "the driver shows this process no GPU",
	802: "the machine's GPUs are still starting: try again later",
	803: "the driver's library and its kernel module have different versions: restart the machine, then the container",
	804: "the driver is too old for CUDA 12 on this kind of GPU: install a newer one",
	999: "the driver's kernel module does not answer: check nvidia-smi outside the container, and dmesg",
}

// checkDriver adds what the driver shows to the report. It returns the faults.
func (m *machine) checkDriver(r *Report) (faults []string) {
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
		return []string{withHint(fmt.Sprintf("there is no NVIDIA driver (%v)", err), m.driverHint())}
	case len(gpus) == 0:
		faults = append(faults, "NVIDIA's driver is installed and shows no GPU")
	}
	if len(gpus) == 0 {
		faults = append(faults, m.hiddenFaults()...)
	}
	if err := m.open(nvml); err != nil {
		faults = append(faults, withHint(fmt.Sprintf("%s, with which TensorFlow counts GPUs, cannot be opened (%v)", nvml, err), m.nvmlHint()))
	}
	return faults
}

func withHint(fault, hint string) string {
	if hint == "" {
		return fault
	}
	return fault + ": " + hint
}

// driverHint returns a remedy for a missing driver.
func (m *machine) driverHint() string {
	if set, ok := m.env("NVIDIA_VISIBLE_DEVICES"); ok && (set == "" || set == "void") {
		return fmt.Sprintf("NVIDIA_VISIBLE_DEVICES is %q, which disables NVIDIA's container toolkit; set it to all, or to the numbers of GPUs", set)
	}
	if set, ok := m.env("NVIDIA_DRIVER_CAPABILITIES"); ok && !hasCapability(set, "compute") {
		return fmt.Sprintf("NVIDIA_DRIVER_CAPABILITIES is %q; set it to compute,utility", set)
	}
	return "start a container with --gpus all, which needs NVIDIA's container toolkit on the machine; outside a container, install NVIDIA's driver"
}

// nvmlHint returns a remedy for a missing NVML, if the driver is there.
func (m *machine) nvmlHint() string {
	if set, ok := m.env("NVIDIA_DRIVER_CAPABILITIES"); ok && !hasCapability(set, "utility") {
		return fmt.Sprintf("NVIDIA_DRIVER_CAPABILITIES is %q; set it to compute,utility", set)
	}
	return "it comes with NVIDIA's driver; in a container, set NVIDIA_DRIVER_CAPABILITIES=compute,utility"
}

// hasCapability reports whether a list of the driver's capabilities has one.
func hasCapability(list, capability string) bool {
	for c := range strings.SplitSeq(list, ",") {
		if c = strings.TrimSpace(c); c == capability || c == "all" {
			return true
		}
	}
	return false
}

// hiddenFaults names the environment variables that hide GPUs from the process.
func (m *machine) hiddenFaults() (faults []string) {
	if set, ok := m.env("NVIDIA_VISIBLE_DEVICES"); ok && (set == "" || set == "void" || set == "none") {
		faults = append(faults, fmt.Sprintf("NVIDIA_VISIBLE_DEVICES is %q: set it to all, or to the numbers of GPUs", set))
	}
	if set, ok := m.env("CUDA_VISIBLE_DEVICES"); ok && (set == "" || strings.HasPrefix(set, "-")) {
		faults = append(faults, fmt.Sprintf("CUDA_VISIBLE_DEVICES is %q, which hides all GPUs: unset it", set))
	}
	return faults
}

// libraryFaults names the libraries of CUDA that cannot be opened.
func (m *machine) libraryFaults() (faults []string) {
	for _, library := range libraries {
		if err := m.open(library); err != nil {
			faults = append(faults, fmt.Sprintf("CUDA's %s cannot be opened (%v)", library, err))
		}
	}
	if len(faults) > 0 {
		faults = append(faults, "without all of CUDA's libraries TensorFlow skips every GPU: install the missing ones, or make them known to the loader, with /etc/ld.so.conf.d and ldconfig or with LD_LIBRARY_PATH; docs/gpu.md says where they are")
	}
	return faults
}
