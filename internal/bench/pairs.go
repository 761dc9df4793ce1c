package main

import (
	"context"
	"slices"
)

// pairs are all comparisons, in the order of the report. A pair stands in a file of its
// own, beside the Python that does the same.
var pairs = append([]Pair{
	digitsStep,
	digitsStepInline,
	digitsStepThreads,
	digitsResume,
	importMetaGraph,
	exportMetaGraph,
	writeGibibyte,
	writeSmall,
	listMany,
	readGibibyte,
	readOneOfMany,
	mapGibibyte,
	startCommand,
	saveGibibyte,
	stallGibibyte,
	restoreGibibyte,
	saveSmallVariables,
	restoreSmallVariables,
	resumeSmallVariables,
	freezeLarge,
	freezeSmall,
	exportModel,
	loadModel,
	showModel,
}, slices.Concat(clusterPairs(1, clusterWays[:2]), clusterPairs(2, clusterWays))...)

// tasks are what a measured process of our own does, see Env.Self.
var tasks = map[string]func(ctx context.Context, args []string) error{
	"cluster-scale":     clusterScale,
	"cluster-scale-row": clusterScaleRow,
	"digits-resume":     resumeOneStep,
	"digits-steps":      runSteps,
	"saver-resume":      resumeVariables,
}
