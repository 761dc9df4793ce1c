package devicename_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/internal/devicename"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, want string }{
		{"", ""},
		{"/cpu:0", "/device:CPU:0"},
		{"/gpu:*", "/device:GPU:*"},
		{"/device:gpu:1/job:ps", "/job:ps/device:GPU:1"},
		{"/JOB:ps/replica:0/task:3", "/job:ps/replica:0/task:3"},
		{"/job:ps/task:1/device:XLA_CPU:0", "/job:ps/task:1/device:XLA_CPU:0"},
	} {
		d, err := devicename.Parse(c.name)
		assert.NoError(t, err, c.name)
		assert.Equal(t, c.want, d.String(), c.name)
	}
	for _, c := range []struct{ name, want string }{
		{"cpu:0", "/device:CPU:0"},
		{"/job:ps/task:first", "/job:ps"},
		{"/job:", ""},
		{"/what/cpu:0", "/device:CPU:0"},
		{"/cpu:-1", ""},
	} {
		d, err := devicename.Parse(c.name)
		assert.Error(t, err, c.name)
		assert.Equal(t, c.want, d.String(), "the parts of %q that can be read", c.name)
	}
}

func TestTask(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "/job:ps/task:1", devicename.Task("ps", 1))
	job, index, ok := devicename.TaskOf("/job:ps/replica:0/task:1/device:GPU:0")
	assert.True(t, ok)
	assert.Equal(t, "ps", job)
	assert.Equal(t, 1, index)
	for _, name := range []string{"", "/job:ps", "/task:1", "/job:ps/task:first"} {
		_, _, ok := devicename.TaskOf(name)
		assert.False(t, ok, name)
	}
}

func TestIsJob(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ps", "Worker_2"} {
		assert.True(t, devicename.IsJob(name), name)
	}
	for _, name := range []string{"", "1", "a/b", "_a", "a-b"} {
		assert.False(t, devicename.IsJob(name), name)
	}
}

func TestOver(t *testing.T) {
	t.Parallel()
	inner := devicename.Spec{Job: "worker", Kind: "GPU", Index: "1"}
	outer := devicename.Spec{Job: "ps", Task: "2", Kind: "CPU", Index: "0"}
	assert.Equal(t, "/job:worker/task:2/device:GPU:1", inner.Over(outer).String())
	assert.Equal(t, outer, devicename.Spec{}.Over(outer))
}

func TestTaskOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		device string
		job    string
		index  int
		ok     bool
	}{
		{"/job:ps/replica:0/task:2/device:GPU:0", "ps", 2, true},
		{"/job:ps", "ps", 0, false},
		{"/task:1", "", 1, false},
		{"", "", 0, false},
	} {
		job, index, ok := devicename.TaskOf(c.device)
		assert.Equal(t, c.ok, ok, c.device)
		assert.Equal(t, c.job, job, c.device)
		assert.Equal(t, c.index, index, c.device)
	}
}
