package main

import (
	"context"
	"slices"
)

// pairs lists all comparisons in the order of the report. Each is in a file with the
// Python code that does the same.
var pairs = append([]Pair{
	digitsStep,
	digitsStepInline,
	digitsStepThreads,
	digitsResume,
	importMetaGraph,
	exportMetaGraph,
	buildOps,
	resnetGradients,
	lstmStep,
	bareOneOp,
	bareDigits,
	bareSignature,
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
	modelStep,
	modelSave,
	saveRaw,
	saveSent,
	exportRaw,
	exportSent,
	readRaw,
	restoreRaw,
	loadRaw,
	stallsRaw,
}, slices.Concat(clusterPairs(1, clusterWays[:2]), clusterPairs(2, clusterWays))...)

// tasks has the tasks that a measured process of this program can run; see Env.Self.
var tasks = map[string]func(ctx context.Context, args []string) error{
	"bare":              timeStep,
	"cluster-scale":     clusterScale,
	"cluster-scale-row": clusterScaleRow,
	"digits-resume":     resumeOneStep,
	"digits-steps":      runSteps,
	"growth":            growthCurve,
	"growth-bytes":      growthBytes,
	"growth-row":        growthRow,
	"saver-resume":      resumeVariables,
}
