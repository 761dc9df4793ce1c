// Package sources helps to read and to write a checkpoint.Source, the interface through which
// freeze, saver and convert take tensors. [Read] and [ReadInto] read a tensor of any source
// into memory. A source that cannot read everything returns the errors of [WholeOnly] and
// [NoStrings].
package sources
