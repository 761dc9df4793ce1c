package tf

import (
	"context"
	"time"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"
)

// RunMetadata is what TensorFlow recorded of a run. Its StepStats say when each operation ran;
// package tf/trace writes them as a Chrome trace.
type RunMetadata = for_core_protos_go_proto.RunMetadata

// RunOptions are the options of Session.Run. Nil and the zero value are the defaults.
type RunOptions struct {
	// Trace records all operations of the run in Metadata, as Python's
	// RunOptions.FULL_TRACE does. Such a run is slower.
	Trace bool
	// Proto has TensorFlow's own options. Nil means none.
	Proto *for_core_protos_go_proto.RunOptions
	// Metadata, if not nil, is filled with what the run records.
	Metadata *RunMetadata
}

func (o *RunOptions) proto() *for_core_protos_go_proto.RunOptions {
	if o == nil {
		return nil
	}
	if !o.Trace {
		return o.Proto
	}
	options := new(for_core_protos_go_proto.RunOptions)
	if o.Proto != nil {
		options = proto.Clone(o.Proto).(*for_core_protos_go_proto.RunOptions)
	}
	options.TraceLevel = for_core_protos_go_proto.RunOptions_FULL_TRACE
	return options
}

type operationTimeout struct{}

// WithOperationTimeout returns a context for runs that are known to take longer than
// their session's OperationTimeout, such as a save by nodes of the graph: d replaces the
// OperationTimeout, which is meant to detect lost servers. A deadline of ctx and a limit
// in RunOptions hold too. If d is 0, the session's OperationTimeout holds again.
func WithOperationTimeout(ctx context.Context, d time.Duration) context.Context {
	if ctx == nil {
		ctx = context.Background()
	}
	return context.WithValue(ctx, operationTimeout{}, d)
}

// runOptions serializes o with the shortest of the time limits of o, ctx and the
// session. It returns nil if there are no options and no limit.
func runOptions(ctx context.Context, o *for_core_protos_go_proto.RunOptions, session time.Duration) ([]byte, error) {
	own := time.Duration(o.GetTimeoutInMs()) * time.Millisecond
	limit, err := runLimit(ctx, own, session)
	if err != nil {
		return nil, err
	}
	var raw []byte
	if o != nil {
		if raw, err = proto.Marshal(o); err != nil {
			return nil, invalidf("the run options: %v", err)
		}
	}
	if limit > 0 {
		raw = appendTimeout(raw, limit)
	}
	return raw, nil
}

// runLimit returns the time limit to set for a run, or 0 if the limit of its RunOptions
// (own) or of the session holds. In TensorFlow the limit of a run replaces that of the
// session, even if it is longer.
func runLimit(ctx context.Context, own, session time.Duration) (time.Duration, error) {
	left, err := timeLeft(ctx)
	if err != nil {
		return 0, err
	}
	if own > 0 {
		session = own
	} else if d, ok := ctx.Value(operationTimeout{}).(time.Duration); ok && d > 0 {
		if left == 0 || d < left {
			left = d
		}
		session = 0
	}
	if session > 0 && left >= session {
		return 0, nil
	}
	return left, nil
}

// timeLeft returns the time until ctx's deadline, or 0 if it has none. It returns an
// error if ctx is done.
func timeLeft(ctx context.Context) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0, nil
	}
	left := time.Until(deadline)
	if left <= 0 {
		return 0, context.DeadlineExceeded
	}
	return left, nil
}

// appendTimeout appends RunOptions.timeout_in_ms, which is field 2, to a serialized
// RunOptions. The last one counts. It encodes by hand because every step with a
// deadline does this.
func appendTimeout(b []byte, d time.Duration) []byte {
	ms := uint64((d + time.Millisecond - 1) / time.Millisecond)
	b = append(b, 2<<3)
	for ; ms >= 0x80; ms >>= 7 {
		b = append(b, byte(ms)|0x80)
	}
	return append(b, byte(ms))
}
