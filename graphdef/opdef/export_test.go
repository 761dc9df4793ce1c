package opdef

var FromList = fromList
