package capi

import "github.com/tfkeep/tfkeep/tf/status"

// The codes that package tf uses.
const (
	FailedPrecondition = status.FailedPrecondition
	NotFound           = status.NotFound
	PermissionDenied   = status.PermissionDenied
	Unavailable        = status.Unavailable
)
