package safety

var (
	OpsOfTable = table
	Unread     = unread
)
