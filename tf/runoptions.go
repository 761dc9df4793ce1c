package tf

import (
	"context"
	"time"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"
)

// RunOptions are TensorFlow's options of one run, RunMetadata what it tells of
// one.
type (
	RunOptions  = for_core_protos_go_proto.RunOptions
	RunMetadata = for_core_protos_go_proto.RunMetadata
)

type operationTimeout struct{}

// WithOperationTimeout gives runs under ctx d in place of their session's
// OperationTimeout, which is meant to notice a server that is gone: for runs that
// are known to take longer, such as a save by the graph's own nodes. A deadline
// of ctx and a limit in RunOptions count all the same. 0 is the session's own
// again.
func WithOperationTimeout(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, operationTimeout{}, d)
}

// runOptions is o, serialized, with the shortest of its own time limit, ctx's
// and the session's. It is nil where there is nothing to say.
func runOptions(ctx context.Context, o *RunOptions, session time.Duration) ([]byte, error) {
	own := time.Duration(o.GetTimeoutInMs()) * time.Millisecond
	limit, err := runLimit(ctx, own, session)
	if err != nil {
		return nil, err
	}
	var raw []byte
	if o != nil {
		if raw, err = proto.Marshal(o); err != nil {
			return nil, invalidf("run options: %v", err)
		}
	}
	if limit > 0 {
		raw = appendTimeout(raw, limit)
	}
	return raw, nil
}

// runLimit is the time limit to set for a run, 0 where that of its RunOptions,
// own, or of the session holds. TensorFlow lets any limit of a run replace the
// session's, a longer one too.
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

// timeLeft is the time until ctx's deadline, 0 where it has none. That ctx is
// over is an error.
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

// appendTimeout appends RunOptions.timeout_in_ms, field 2, to a serialized
// RunOptions; it counts in place of an earlier one. By hand, for it is done in
// every step that has a deadline.
func appendTimeout(b []byte, d time.Duration) []byte {
	ms := uint64((d + time.Millisecond - 1) / time.Millisecond)
	b = append(b, 2<<3)
	for ; ms >= 0x80; ms >>= 7 {
		b = append(b, byte(ms)|0x80)
	}
	return append(b, byte(ms))
}
