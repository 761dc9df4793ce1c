package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/tfkeep/tfkeep"
)

const readEnv = "read TF_CONFIG"

// FromEnv reads TF_CONFIG, the environment variable by which Kubeflow and other
// schedulers tell a process its cluster and its place in it, as Python's
// tf.distribute.cluster_resolver.TFConfigClusterResolver does:
//
//	{"cluster": {"ps": ["a:2222"], "worker": ["b:2222", "c:2222"]},
//	 "task": {"type": "worker", "index": 1}}
//
// The tasks of a job may also be an object, {"1": "c:2222"}, in which numbers may be
// missing. The job of the task may be one that the cluster lacks, such as "evaluator". If
// the variable is not set, the error is of the kind tfkeep.ErrNotFound.
func FromEnv() (*Spec, Task, error) {
	text := strings.TrimSpace(os.Getenv("TF_CONFIG"))
	if text == "" {
		return nil, Task{}, &tfkeep.Error{Op: readEnv, Err: tfkeep.ErrNotFound, Detail: "the environment variable is not set; it says which cluster this process belongs to"}
	}
	var config struct {
		Cluster map[string]jsonTasks `json:"cluster"`
		Task    struct {
			Type  string          `json:"type"`
			Index json.RawMessage `json:"index"`
		} `json:"task"`
	}
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return nil, Task{}, argument(readEnv, err)
	}
	jobs := make(map[string]map[int]string, len(config.Cluster))
	for name, tasks := range config.Cluster {
		jobs[name] = tasks
	}
	spec, err := newSpec(jobs)
	if err != nil {
		return nil, Task{}, argument(readEnv, err)
	}
	task := Task{Job: config.Task.Type}
	// Schedulers write the number as a string, too.
	if index := string(bytes.Trim(config.Task.Index, `"`)); index != "" && index != "null" {
		if task.Index, err = strconv.Atoi(index); err != nil || task.Index < 0 {
			return nil, Task{}, argument(readEnv, fmt.Errorf("the task's index %s is not a number from 0", config.Task.Index))
		}
	}
	return spec, task, nil
}

// jsonTasks are the tasks of a job, from a list or an object.
type jsonTasks map[int]string

func (t *jsonTasks) UnmarshalJSON(b []byte) error {
	*t = make(jsonTasks)
	if bytes.HasPrefix(b, []byte("[")) {
		var list []string
		if err := json.Unmarshal(b, &list); err != nil {
			return err
		}
		for i, address := range list {
			(*t)[i] = address
		}
		return nil
	}
	return json.Unmarshal(b, (*map[int]string)(t))
}
