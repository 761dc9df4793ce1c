package supervisor

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The tasks that are asked before a session is opened are those that it waits for.
func TestFiltersSayWhichTasksASessionNeeds(t *testing.T) {
	ps0, ps1, worker := Task{Job: "ps", Index: 0, Address: "a:1"}, Task{Job: "ps", Index: 1, Address: "b:1"}, Task{Job: "worker", Index: 0, Address: "c:1"}
	all := []Task{ps0, ps1, worker}
	for _, c := range []struct {
		filters []string
		want    []Task
	}{
		{nil, all},
		{[]string{"/job:ps"}, all},
		{[]string{"/job:ps/task:1"}, []Task{ps1, worker}},
		{[]string{"/job:ps/task:1/device:CPU:0"}, []Task{ps1, worker}},
		{[]string{"/job:worker"}, []Task{worker}},
		{[]string{"/job:*"}, all},
		{[]string{"/job:*/task:0"}, []Task{ps0, worker}},
		{[]string{"/job:ps/task:*"}, all},
	} {
		assert.Equal(t, c.want, needed(all, c.filters, worker.Address), c.filters)
	}
}
