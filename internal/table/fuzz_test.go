package table_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/table"
	. "github.com/tfkeep/tfkeep/internal/table/tabletest"
)

// FuzzTable mutates whole tables. Checksums are skipped, so that the mutations
// get through.
func FuzzTable(f *testing.F) {
	f.Add(write(f, nil, nil))
	f.Add(write(f, nil, many(3)))
	f.Add(write(f, &table.WriterOptions{BlockSize: 64, RestartInterval: 2}, many(9)))
	compressed := Entries(many(20)...)
	compressed.Snappy = true
	f.Add(Table{Data: []Block{compressed}}.Bytes())
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := open(file, &table.ReaderOptions{SkipChecksums: true, MaxBlock: 1 << 20})
		if err != nil {
			var te *table.Error
			require.ErrorAs(t, err, &te)
			return
		}
		var last []byte
		n := 0
		err = r.Scan(func(e table.Entry) error {
			if n++; n > 1 {
				require.Positive(t, bytes.Compare(e.Key, last))
			}
			last = bytes.Clone(e.Key)
			value, ok, err := r.Get(e.Key)
			require.NoError(t, err)
			require.True(t, ok)
			require.True(t, bytes.Equal(e.Value, value))
			return nil
		})
		if err != nil {
			var te *table.Error
			require.ErrorAs(t, err, &te)
		}
		_, _, _ = r.Get([]byte("some/long/scope/name/000005"))
	})
}
