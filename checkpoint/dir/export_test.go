package dir

var (
	FormatState = formatState
	ParseState  = parseState
)
