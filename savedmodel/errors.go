package savedmodel

import "errors"

// The kinds of failure, for errors.Is.
var (
	// ErrExists: the export folder has something in it.
	ErrExists = errors.New("savedmodel: the export directory is not empty")
	// ErrNotSavedModel: the folder holds no SavedModel.
	ErrNotSavedModel = errors.New("savedmodel: not a SavedModel")
	// ErrNoTags: no graph has exactly the tags asked for; the message lists those there are.
	ErrNoTags = errors.New("savedmodel: no graph with these tags")
	// ErrOrder: the builder's methods were called in an order that makes no model.
	ErrOrder = errors.New("savedmodel: wrong order of calls")
	// ErrArgument: an option that cannot be met.
	ErrArgument = errors.New("savedmodel: invalid argument")
	// ErrSignature: no such signature, or one that does not fit the graph or the tensors given.
	ErrSignature = errors.New("savedmodel: signature")
	// ErrUnsafe: the model wants to do at load what is not allowed by default.
	ErrUnsafe = errors.New("savedmodel: refused as unsafe")
	// ErrDamaged: the model contradicts itself.
	ErrDamaged = errors.New("savedmodel: damaged")
	// ErrClosed: the model or builder is closed.
	ErrClosed = errors.New("savedmodel: closed")
)
