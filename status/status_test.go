package status_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/status"
)

func TestCodesAreErrors(t *testing.T) {
	t.Parallel()
	for code := status.OK; code <= status.Unauthenticated; code++ {
		e := &status.Error{Code: code}
		assert.True(t, errors.Is(e, code))
		assert.False(t, errors.Is(e, code+1))
		assert.NotContains(t, code.String(), "code ")
	}
	assert.Equal(t, "code -1", status.Code(-1).String())
	assert.Equal(t, "not found", status.NotFound.Error())
	assert.EqualError(t, status.Errorf(status.NotFound, "op %d", 3), "not found: op 3")
}

func TestErrorMatchesGoErrors(t *testing.T) {
	t.Parallel()
	kinds := map[error]status.Code{
		context.DeadlineExceeded: status.DeadlineExceeded,
		context.Canceled:         status.Canceled,
		tfkeep.ErrArgument:       status.InvalidArgument,
		tfkeep.ErrNotFound:       status.NotFound,
		tfkeep.ErrExists:         status.AlreadyExists,
	}
	for kind, want := range kinds {
		for code := status.OK; code <= status.Unauthenticated; code++ {
			assert.Equal(t, code == want, errors.Is(&status.Error{Code: code}, kind), "%v is %v", code, kind)
		}
	}
}

func TestNewFindsNode(t *testing.T) {
	t.Parallel()
	e := status.New(status.InvalidArgument, "shapes differ\n\t [[{{node hidden/MatMul}}]]")
	assert.Equal(t, "hidden/MatMul", e.Node)
	assert.Empty(t, status.New(status.Internal, "no node").Node)
}

func Example() {
	err := fmt.Errorf("run the step: %w", status.New(status.Unavailable, "connection refused"))
	if errors.Is(err, status.Unavailable) {
		fmt.Println("a server is gone")
	}
	var e *status.Error
	if errors.As(err, &e) {
		fmt.Println(e.Code, "|", e.Message)
	}
	// Output:
	// a server is gone
	// unavailable | connection refused
}
