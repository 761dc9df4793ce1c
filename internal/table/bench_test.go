package table_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/tfkeep/tfkeep/internal/table"
)

// benchEntries is the number of entries of a table, as many as a checkpoint's index has tensors.
const benchEntries = 20_000

func benchTable(tb testing.TB) []byte {
	tb.Helper()
	var out bytes.Buffer
	w := table.NewWriter(&out, nil)
	value := make([]byte, 30)
	for i := range benchEntries {
		if err := w.Add(fmt.Appendf(nil, "layer/variable_%06d", i), value); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func BenchmarkWriteTable(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		benchTable(b)
	}
}

func BenchmarkReadTable(b *testing.B) {
	raw := benchTable(b)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := table.NewReader(bytes.NewReader(raw), int64(len(raw)), nil)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for _, err := range r.All() {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != benchEntries {
			b.Fatal(n)
		}
	}
}
