package tf

var VariableFromDef = variableFromDef
