package dir

var (
	FormatState = formatState
	ParseState  = parseState
)

// StateMessage is the definition by which state files are parsed.
var StateMessage = stateMessage
