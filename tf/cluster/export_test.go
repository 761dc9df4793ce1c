package cluster

var (
	ByteSize = byteSize
	Def      = (*Spec).def
)
