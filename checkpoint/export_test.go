package checkpoint

var FullSlice = fullSlice
