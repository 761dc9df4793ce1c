package saver

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDevices(t *testing.T) {
	for _, tt := range []struct{ name, canonical, cpu string }{
		{"", "", "/device:CPU:0"},
		{"/gpu:1", "/device:GPU:1", "/device:CPU:0"},
		{"/cpu:0", "/device:CPU:0", "/device:CPU:0"},
		{"/job:ps/task:1/gpu:0", "/job:ps/task:1/device:GPU:0", "/job:ps/task:1/device:CPU:0"},
		{"/job:w/replica:0/task:3", "/job:w/replica:0/task:3", "/job:w/replica:0/task:3/device:CPU:0"},
		{"/device:TPU:7/job:trainer", "/job:trainer/device:TPU:7", "/job:trainer/device:CPU:0"},
	} {
		assert.Equal(t, tt.canonical, canonicalDevice(tt.name), tt.name)
		assert.Equal(t, tt.cpu, onCPU0(tt.name), tt.name)
	}
}

func TestNearestKey(t *testing.T) {
	candidates := []string{"model/dense/kernel", "dense/bias", "step"}
	for _, tt := range []struct{ key, want string }{
		{"dense/kernel", "model/dense/kernel"}, // a scope more
		{"dense/bais", "dense/bias"},
		{"old/step", "step"}, // a scope less
		{"conv/weights", ""},
		{"x", ""},
	} {
		assert.Equal(t, tt.want, nearestKey(tt.key, candidates), tt.key)
	}
}
