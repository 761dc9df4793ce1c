package trace

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/step_stats_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/argcheck"
)

// event is an event of the Trace Event Format.
type event struct {
	Name      string         `json:"name"`
	Phase     string         `json:"ph"`
	Process   int            `json:"pid"`
	Thread    int            `json:"tid"`
	Start     int64          `json:"ts,omitempty"`  // in microseconds
	Duration  *int64         `json:"dur,omitempty"` // in microseconds; 0 is written
	Category  string         `json:"cat,omitempty"`
	Arguments map[string]any `json:"args,omitempty"`
}

// WriteChrome writes the operations of a run as a Chrome trace in JSON. Each device is a process of
// the trace, in which operations that overlap are on several lines. stats come from
// RunMetadata; without any, the error is of the kind tfkeep.ErrArgument.
func WriteChrome(w io.Writer, stats *step_stats_go_proto.StepStats) error {
	if w == nil {
		return argcheck.Nil("write trace", "", "writer")
	}
	if len(stats.GetDevStats()) == 0 {
		return &tfkeep.Error{
			Op: "write trace", Err: tfkeep.ErrArgument,
			Detail: "the run recorded nothing; run it with tf.RunOptions{Trace: true, Metadata: md}, and pass md.GetStepStats()",
		}
	}
	var events []event
	for i, device := range stats.GetDevStats() {
		// Python has another process for the tensors of the device.
		process := 1 + 2*i
		events = append(events, event{
			Name: "process_name", Phase: "M", Process: process, Arguments: map[string]any{"name": device.GetDevice() + " Compute"},
		})
		lines := lanes(device.GetNodeStats())
		for k, node := range device.GetNodeStats() {
			events = append(events, operation(node, process, lines[k], onGPU(device.GetDevice())))
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(map[string]any{"traceEvents": events}); err != nil {
		return &tfkeep.Error{Op: "write trace", Cause: err}
	}
	return nil
}

// onGPU reports whether the events of a device are those of the GPU's own tracer.
func onGPU(device string) bool {
	return strings.Contains(device, "/stream:") || strings.Contains(device, "/memcpy")
}

// lanes puts operations that overlap on several lines: each on the first line that is free.
func lanes(nodes []*step_stats_go_proto.NodeExecStats) []int {
	free := []int64{0} // by line, when its last operation ends
	lines := make([]int, len(nodes))
	for i, node := range nodes {
		line := 0
		for line < len(free) && node.GetAllStartMicros() <= free[line] {
			line++
		}
		if line == len(free) {
			free = append(free, 0)
		}
		free[line] = node.GetAllStartMicros() + node.GetAllEndRelMicros()
		lines[i] = line
	}
	return lines
}

// operationLabel is the form of most labels: "name = Type(input, input)".
var operationLabel = regexp.MustCompile(`^(.*) = (.*)\((.*)\)`)

func operation(node *step_stats_go_proto.NodeExecStats, process, line int, gpu bool) event {
	name, typ, label := node.GetNodeName(), "unknown", node.GetTimelineLabel()
	arguments := make(map[string]any)
	switch match := operationLabel.FindStringSubmatch(label); {
	case gpu:
		name, typ = kernel(label, name)
	case name == "RecvTensor":
		typ = name // its label has the names of devices
	case match != nil:
		typ = match[2]
		if match[3] != "" {
			for i, input := range strings.Split(match[3], ", ") {
				arguments[fmt.Sprint("input", i)] = input
			}
		}
	}
	arguments["name"], arguments["op"] = name, typ
	duration := node.GetAllEndRelMicros()
	return event{
		Name: typ, Phase: "X", Category: "Op", Process: process, Thread: line,
		Start: node.GetAllStartMicros(), Duration: &duration, Arguments: arguments,
	}
}

// kernel returns the operation that a kernel of the GPU ran for. Its label is "… @@name:Type#…".
func kernel(label, node string) (name, typ string) {
	start, end := strings.Index(label, "@@"), strings.Index(label, "#")
	if start >= 0 && start+2 < end {
		node = label[start+2 : end]
	}
	name, typ, found := strings.Cut(node, ":")
	if !found {
		return name, "unknown"
	}
	typ, _, _ = strings.Cut(typ, ":")
	return name, typ
}
