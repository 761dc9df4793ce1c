package tf

import (
	"bytes"
	"encoding/json"
	"os"
	"strconv"
	"strings"

	"github.com/tfkeep/tfkeep/capi"
)

// ClusterFromEnv reads TF_CONFIG, the environment variable by which Kubeflow and
// other schedulers tell a process about its cluster and its place in it, as
// Python's tf.distribute.cluster_resolver.TFConfigClusterResolver does:
//
//	{"cluster": {"ps": ["a:2222"], "worker": ["b:2222", "c:2222"]},
//	 "task": {"type": "worker", "index": 1}}
//
// The tasks of a job may be an object too, {"1": "c:2222"}, for a sparse one. The
// job may be one that the cluster lacks, such as "evaluator". Where the variable
// is not set the error is of the kind ErrNotFound.
func ClusterFromEnv() (spec *ClusterSpec, job string, task int, err error) {
	text := strings.TrimSpace(os.Getenv("TF_CONFIG"))
	if text == "" {
		return nil, "", 0, &Error{Code: capi.NotFound, Message: "TF_CONFIG is not set: it says which cluster this process belongs to"}
	}
	var config struct {
		Cluster map[string]clusterTasks `json:"cluster"`
		Task    struct {
			Type  string          `json:"type"`
			Index json.RawMessage `json:"index"`
		} `json:"task"`
	}
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return nil, "", 0, invalidf("TF_CONFIG: %v", err)
	}
	jobs := make(map[string]map[int]string, len(config.Cluster))
	for name, tasks := range config.Cluster {
		jobs[name] = tasks
	}
	if spec, err = NewSparseClusterSpec(jobs); err != nil {
		return nil, "", 0, invalidf("TF_CONFIG: %s", words(err))
	}
	// Schedulers write the number as a string, too.
	if index := string(bytes.Trim(config.Task.Index, `"`)); index != "" && index != "null" {
		if task, err = strconv.Atoi(index); err != nil || task < 0 {
			return nil, "", 0, invalidf("TF_CONFIG: the task's index %s is not a number from 0", config.Task.Index)
		}
	}
	return spec, config.Task.Type, task, nil
}

// clusterTasks are the tasks of a job, from a list or an object.
type clusterTasks map[int]string

func (t *clusterTasks) UnmarshalJSON(b []byte) error {
	*t = make(clusterTasks)
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
