package main

// attrNames has the attributes that are called otherwise in the names of functions, by op
// and attribute, because TensorFlow's API definitions and so the binding's wrappers do. The
// test of package tf/op compares all wrappers with the binding's.
var attrNames = map[string]string{"Squeeze.squeeze_dims": "axis"}
