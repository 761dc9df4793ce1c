module github.com/tfkeep/tfkeep

go 1.26.0

require (
	github.com/galeone/tensorflow/tensorflow/go v0.0.0-20240119075110-6ad3cf65adfe // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)
