package gpudiag

import (
	"fmt"
	"io"
	"strings"
)

// Fprint writes a report as text.
func Fprint(w io.Writer, r *Report) error {
	var b strings.Builder
	with := "without CUDA"
	if r.CUDA {
		with = "with CUDA"
	}
	fmt.Fprintf(&b, "libtensorflow %s, built %s\n", r.Version, with)
	if r.Driver != "" {
		fmt.Fprintf(&b, "NVIDIA's driver, for CUDA %s\n", r.Driver)
	}
	for i, g := range r.GPUs {
		fmt.Fprintf(&b, "  %d  %s, %s, compute capability %s\n", i, g.Name, gib(g.MemoryBytes), g.Capability)
	}
	if len(r.Session) > 0 {
		b.WriteString("a session's devices\n")
	}
	for _, d := range r.Session {
		fmt.Fprintf(&b, "  %s, %s", d.Name, d.Type)
		if d.Type == "GPU" {
			fmt.Fprintf(&b, ", %s available", gib(d.MemoryBytes))
		}
		b.WriteString("\n")
	}
	if len(r.NoGPU) > 0 {
		b.WriteString("no GPU can be used\n")
	}
	for _, reason := range r.NoGPU {
		fmt.Fprintf(&b, "  %s\n", reason)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func gib(bytes int64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)) }
