package inference

var FoldBatchNorms = foldBatchNorms
