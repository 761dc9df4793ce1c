package signature

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/modeldir"
)

// CheckMethod returns an error unless a signature has a known method and inputs and
// outputs of the number and types that the method demands. It is TensorFlow's
// is_valid_signature, which knows the methods of predictions, regressions and
// classifications.
func CheckMethod(s *graphdef.SignatureDef) error {
	switch s.GetMethodName() {
	case PredictMethod:
		_, err := Predict(s.Inputs, s.Outputs)
		return err
	case RegressMethod:
		if len(s.Inputs) != 1 || len(s.Outputs) != 1 {
			return invalid("a regression has only the input %q and the output %q", InputsKey, OutputsKey)
		}
		_, err := Regress(s.Inputs[InputsKey], s.Outputs[OutputsKey])
		return err
	case ClassifyMethod:
		for key := range s.Outputs {
			if key != ClassesKey && key != ScoresKey {
				return invalid("a classification has no output %q", key)
			}
		}
		if len(s.Inputs) != 1 {
			return invalid("a classification has only the input %q", InputsKey)
		}
		_, err := Classify(s.Inputs[InputsKey], s.Outputs[ClassesKey], s.Outputs[ScoresKey])
		return err
	case "":
		return invalid("the signature has no method name")
	}
	return invalid("unknown method name %q", s.GetMethodName())
}

// CheckAll returns an error that lists all faults unless the signatures can be saved in
// a SavedModel: their keys must not be reserved, and each TensorInfo must have a name
// (or the names of its parts) and a type.
func CheckAll(signatures map[string]*graphdef.SignatureDef) error {
	var faults []string
	for _, key := range slices.Sorted(maps.Keys(signatures)) {
		if modeldir.IsReserved(key) {
			faults = append(faults, fmt.Sprintf("SignatureDef map key %q is reserved for initialization. Please use a different key.", key))
			continue
		}
		if defaults, err := Defaults(signatures[key]); err != nil {
			faults = append(faults, fmt.Sprintf("signature %q: %v", key, err))
		} else if fault := defaultFault(signatures[key], defaults); fault != "" {
			faults = append(faults, fmt.Sprintf("signature %q: %s", key, fault))
		}
		faults = append(faults, tensorFaults("input", key, signatures[key].GetInputs())...)
		faults = append(faults, tensorFaults("output", key, signatures[key].GetOutputs())...)
	}
	if len(faults) > 0 {
		return invalid("%s", strings.Join(faults, "; "))
	}
	return nil
}

func tensorFaults(side, key string, infos map[string]*graphdef.TensorInfo) []string {
	var faults []string
	for _, name := range slices.Sorted(maps.Keys(infos)) {
		if fault := tensorFault(infos[name]); fault != "" {
			faults = append(faults, fmt.Sprintf("%s %q of signature %q: %s", side, name, key, fault))
		}
	}
	return faults
}

// tensorFault returns what is wrong with a TensorInfo, or "".
func tensorFault(t *graphdef.TensorInfo) string {
	const incomplete = "a TensorInfo must have a name and a dtype"
	if t == nil {
		return incomplete
	}
	switch e := t.Encoding.(type) {
	case *for_core_protos_go_proto.TensorInfo_CompositeTensor_:
		for _, c := range e.CompositeTensor.GetComponents() {
			if fault := tensorFault(c); fault != "" {
				return fault
			}
		}
		return ""
	case *for_core_protos_go_proto.TensorInfo_CooSparse_:
		if e.CooSparse.GetValuesTensorName() == "" {
			return "a sparse tensor must have the name of its values"
		}
	default:
		if t.GetName() == "" {
			return incomplete
		}
	}
	if t.Dtype == 0 { // DT_INVALID
		return incomplete
	}
	return ""
}

func invalid(format string, args ...any) error {
	return &tfkeep.Error{Op: "check signature", Err: tfkeep.ErrArgument, Detail: fmt.Sprintf(format, args...)}
}
