package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tfkeep/tfkeep/internal/test/procmem"
)

// clusterScale prints the figures of docs/scale.md for each of the given numbers of
// parameter servers: the times of saves and restores of 1 GiB, the CPU time of all
// processes, and the growth of their peak memory. It has no Python side; the pairs of
// cluster.go do. Each row has its own process and cluster, because TensorFlow does not
// return memory to the system.
//
//	bin/bench -task cluster-scale 1 2 4
func clusterScale(ctx context.Context, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ps\tway\tsave\tCPU\trestore\tCPU\there\ta ps\tthe worker\t")
	for _, ps := range args {
		for way := range clusterWays {
			cmd := exec.CommandContext(ctx, self, "-task", "cluster-scale-row", ps, strconv.Itoa(way))
			cmd.Stdout, cmd.Stderr = t, os.Stderr
			if err := cmd.Run(); err != nil {
				return fmt.Errorf("%s servers, %s: %w", ps, clusterWays[way].name, err)
			}
		}
	}
	return t.Flush()
}

const scaleRounds = 5

// clusterScaleRow measures one of clusterWays with a number of servers.
func clusterScaleRow(ctx context.Context, args []string) (err error) {
	ps, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	i, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	way := clusterWays[i]
	dir, err := os.MkdirTemp("", "tfkeep-scale-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	m, err := newClusterModel(ctx, ps)
	if err != nil {
		return err
	}
	defer m.close()
	sv, err := m.saver(way.driver, way.direct)
	if err != nil {
		return err
	}
	defer sv.Close()
	if err := m.initialize(ctx); err != nil {
		return err
	}
	processes := m.processes()
	before := make([]int64, len(processes))
	for i, pid := range processes {
		if err := procmem.ForgetPeak(pid); err != nil {
			return err
		}
		before[i] = peakMemory(pid)
	}
	var times, cpu [2][]time.Duration // of the saves and of the restores
	measure := func(what int, f func() error) error {
		start, used := time.Now(), cpuTime(processes)
		if err := f(); err != nil {
			return err
		}
		times[what] = append(times[what], time.Since(start))
		cpu[what] = append(cpu[what], cpuTime(processes)-used)
		return nil
	}
	for range scaleRounds {
		var path string
		err := measure(0, func() (err error) {
			path, err = sv.Save(ctx, m.sess, filepath.Join(dir, "m"), nil)
			return err
		})
		if err != nil {
			return err
		}
		if err := measure(1, func() error { _, err := sv.Restore(ctx, m.sess, path, nil); return err }); err != nil {
			return err
		}
	}
	var grown [3]int64 // this process, the parameter server that grew most, the worker
	for i, pid := range processes {
		role := 1
		switch i {
		case 0:
			role = 0
		case len(processes) - 1:
			role = 2
		}
		grown[role] = max(grown[role], peakMemory(pid)-before[i])
	}
	fmt.Printf("%d\t%s\t%s\t%s\t%s\t%s\t+%d MB\t+%d MB\t+%d MB\t\n", ps, way.name,
		rounded(medianTime(times[0])), rounded(medianTime(cpu[0])), rounded(medianTime(times[1])), rounded(medianTime(cpu[1])),
		grown[0]>>20, grown[1]>>20, grown[2]>>20)
	return nil
}

func medianTime(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// processes returns the ids of this process, the parameter servers and the worker.
func (m *clusterModel) processes() []int {
	pids := []int{os.Getpid()}
	for task := range m.cluster.Spec().Tasks() {
		pids = append(pids, m.cluster.Pid(task.Job, task.Index))
	}
	return pids
}

// cpuTime returns the CPU time that processes have used.
func cpuTime(pids []int) time.Duration {
	var total time.Duration
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		// Field 3 follows the name in parentheses. Fields 14 and 15 are the user and
		// system times in hundredths of a second.
		_, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest)
		for _, field := range fields[11:13] {
			ticks, _ := strconv.ParseInt(field, 10, 64)
			total += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return total
}
