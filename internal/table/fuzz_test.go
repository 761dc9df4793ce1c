package table_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/table"
	"github.com/tfkeep/tfkeep/internal/table/tabletest"
)

// FuzzTable mutates two data blocks and an index block with right checksums. If there
// is no index block, it uses the right one.
func FuzzTable(f *testing.F) {
	// A block's entries and restart points are what lies before the metaindex.
	block := func(kvs []tabletest.KV) []byte {
		file := write(f, &table.WriterOptions{RestartInterval: 3}, kvs)
		r, err := open(file, nil)
		require.NoError(f, err)
		return file[:r.BlockSize(0)]
	}
	kvs := many(9)
	index := block([]tabletest.KV{tabletest.Pair("some/long/scope/name/000005", tabletest.Handle(0, 100)), tabletest.Pair("t", tabletest.Handle(105, 100))})
	f.Add(block(kvs[:5]), byte(0), block(kvs[5:]), byte(0), []byte{})
	f.Add(block(kvs[:5]), byte(0), block(kvs[5:]), byte(0), index)
	f.Add([]byte("\x20\x7c\x00\x01\x02kxv\x00\x00\x00\x00\x01\x00\x00\x00"), byte(1), []byte("\x00\x00\x00\x00\x01\x00\x00\x00"), byte(0), []byte{})
	f.Fuzz(func(t *testing.T, first []byte, firstType byte, second []byte, secondType byte, index []byte) {
		craft := tabletest.Table{
			Data: []tabletest.Block{{Stored: notNil(first), Type: firstType}, {Stored: notNil(second), Type: secondType}},
			Last: []string{"some/long/scope/name/000004\xff", "z"},
		}
		if len(index) > 0 {
			craft.Index = func([]tabletest.KV) tabletest.Block { return tabletest.Block{Stored: index} }
		}
		file := craft.Bytes()
		_, _ = open(file, &table.ReaderOptions{Strict: true})
		r, err := open(file, &table.ReaderOptions{MaxBlock: 1 << 20})
		if err != nil {
			var te *table.Error
			require.ErrorAs(t, err, &te)
			return
		}
		var last []byte
		n := 0
		for e, err := range r.All() {
			if err != nil {
				var te *table.Error
				require.ErrorAs(t, err, &te)
				break
			}
			if n++; n > 1 {
				require.Positive(t, bytes.Compare(e.Key, last))
			}
			last = bytes.Clone(e.Key)
			value, ok, err := r.Get(e.Key)
			require.NoError(t, err)
			require.True(t, ok)
			require.True(t, bytes.Equal(e.Value, value))
		}
		_, _, _ = r.Get([]byte("some/long/scope/name/000005"))
	})
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
