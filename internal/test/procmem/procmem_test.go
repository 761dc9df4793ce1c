package procmem_test

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/procmem"
)

func TestPeakAfterForgetPeak(t *testing.T) {
	self := os.Getpid()
	before, err := procmem.Resident(self)
	require.NoError(t, err)
	const size = 64 << 20
	memory := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		memory[i] = 1
	}
	now, err := procmem.Resident(self)
	require.NoError(t, err)
	assert.Greater(t, now-before, int64(size/2))
	require.NoError(t, procmem.ForgetPeak(self))
	peak, err := procmem.Peak(self)
	require.NoError(t, err)
	assert.Greater(t, peak, int64(size/2))
	assert.Equal(t, byte(1), memory[0])

	_, err = procmem.Resident(1 << 30)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestGrowthIsThePeak(t *testing.T) {
	const size = 64 << 20
	grown, err := procmem.Growth(func() {
		memory := make([]byte, size)
		for i := 0; i < size; i += 4096 {
			memory[i] = 1
		}
		runtime.KeepAlive(memory)
	})
	require.NoError(t, err)
	assert.Greater(t, grown, int64(size/2))
	grown, err = procmem.Growth(func() {})
	require.NoError(t, err)
	assert.Less(t, grown, int64(size/2))
}
