package safety

var OpsOfTable = table
