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

// runOptions is o, serialized, with the shorter of its own time limit and
// ctx's. It is nil where there is nothing to say.
func runOptions(ctx context.Context, o *RunOptions) ([]byte, error) {
	left, err := timeLeft(ctx)
	if err != nil {
		return nil, err
	}
	var raw []byte
	if o != nil {
		if raw, err = proto.Marshal(o); err != nil {
			return nil, invalidf("run options: %v", err)
		}
	}
	if limit := time.Duration(o.GetTimeoutInMs()) * time.Millisecond; left > 0 && (limit <= 0 || left < limit) {
		raw = appendTimeout(raw, left)
	}
	return raw, nil
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
