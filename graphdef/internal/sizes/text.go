package sizes

import "github.com/tfkeep/tfkeep/graphdef"

// textOps make strings of another length than their inputs have, or none.
var textOps = set(`AsString DecodeBase64 DecodeCSV DecodeRaw EncodeBase64 ReduceJoin RegexReplace StaticRegexReplace ShardedFilename
	ShardedFilespec StringFormat StringJoin StringLower StringUpper StringNGrams StringSplit StringSplitV2 UnicodeDecode
	UnicodeDecodeWithOffsets UnicodeEncode UnicodeTranscode UnsortedSegmentJoin
	Shape ShapeN Size Rank StringLength StringToHashBucket StringToHashBucketFast StringToHashBucketStrong StringToNumber
	RegexFullMatch StaticRegexFullMatch UnicodeScript Fingerprint Equal NotEqual UpperBound LowerBound`)

// number is about the length of the longest number in text.
const number = 400

// text handles ops that compute with strings.
func text(n *graphdef.NodeDef, in []Tensor) (Tensor, bool) {
	attr := func(name string) int64 { return n.GetAttr()[name].GetI() }
	length := func(name string) int64 {
		if n.GetAttr()[name].GetPlaceholder() != "" {
			return NotKnown
		}
		return int64(len(n.GetAttr()[name].GetS()))
	}
	x := Unknown()
	if len(in) > 0 {
		x = in[0]
	}
	t := Tensor{Dims: x.Dims, Open: x.Open, Elems: x.Elems}
	all := int64(0)
	for _, i := range in {
		all = Sum(all, i.Text)
	}
	switch n.GetOp() {
	case "AsString":
		width, precision := max(attr("width"), -attr("width"), 0), max(attr("precision"), -attr("precision"), 0)
		t.Text = Sum(x.Text, Product(x.Elems, Sum(number, width, precision)))
	case "DecodeRaw":
		t = Tensor{Elems: x.Text}
	case "DecodeCSV":
		t.Text = Sum(x.Text, Product(x.Elems, all))
	case "DecodeBase64", "StringLower", "StringUpper":
		t.Text = Product(x.Text, 3)
	case "EncodeBase64", "UnicodeTranscode":
		t.Text = Product(4, Sum(x.Text, x.Elems))
	case "ReduceJoin":
		t = Tensor{Elems: x.Elems, Text: Sum(all, Product(x.Elems, length("separator")))}
	case "UnsortedSegmentJoin":
		t, _ = sized(n, in)
		t.Text = Sum(all, Product(x.Elems, length("separator")))
	case "RegexReplace", "StaticRegexReplace":
		by := length("rewrite")
		if len(in) > 2 {
			by = in[2].Text
		}
		t.Text = Product(Sum(x.Text, x.Elems), Sum(by, 1)) // a rewrite may have the match many times
	case "ShardedFilename", "ShardedFilespec":
		t.Text = Sum(all, Product(x.Elems, number))
	case "StringFormat":
		t = shaped()
		t.Text = length("template")
		for _, i := range in {
			t.Text = Sum(t.Text, Product(i.Elems, number), Product(i.Text, 4))
		}
	case "StringJoin":
		t = broadcast(in)
		t.Text = Product(t.Elems, Product(length("separator"), int64(len(in))))
		for _, i := range in {
			each := i.Text
			if i.Elems < t.Elems {
				each = Product(each, t.Elems)
			}
			t.Text = Sum(t.Text, each)
		}
	case "StringNGrams":
		rows := int64(1)
		if len(in) > 1 {
			rows = max(rows, in[1].Elems)
		}
		t = ngrams(n, x, rows)
	case "StringSplit", "StringSplitV2":
		count := Sum(x.Text, x.Elems)
		t = Tensor{Elems: Product(2, count), Text: x.Text}
	case "UnicodeDecode", "UnicodeDecodeWithOffsets":
		t = Tensor{Elems: Sum(x.Text, x.Elems, 1)}
	case "UnicodeEncode":
		t.Text = Product(4, x.Elems)
		t.Dims, t.Open = nil, false
		if len(in) > 1 {
			t.Elems = Sum(x.Elems, in[1].Elems)
		}
	default:
		return Tensor{}, false
	}
	return t, true
}

// ngrams bounds a StringNGrams, which may pad each row with as many words as it joins.
func ngrams(n *graphdef.NodeDef, x Tensor, rows int64) Tensor {
	words := int64(1)
	for _, name := range []string{"separator", "left_pad", "right_pad"} {
		words = Sum(words, int64(len(n.GetAttr()[name].GetS())))
	}
	t := Tensor{}
	pad := n.GetAttr()["pad_width"].GetI()
	for _, width := range n.GetAttr()["ngram_widths"].GetList().GetI() {
		width = max(width, 1)
		padded := max(pad, 0)
		if pad < 0 {
			padded = width
		}
		all := Sum(x.Elems, Product(rows, 2, padded))
		count := Product(all, 2)
		t.Elems = Sum(t.Elems, count)
		// A word is in as many n-grams as an n-gram has words, at most.
		joined := min(width, all)
		t.Text = Sum(t.Text, Product(joined, x.Text), Product(count, joined, words))
	}
	if n.GetAttr()["ngram_widths"].GetPlaceholder() != "" || n.GetAttr()["pad_width"].GetPlaceholder() != "" {
		return Unknown()
	}
	return t
}
