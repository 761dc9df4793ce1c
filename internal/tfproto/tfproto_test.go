package tfproto

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoregistry"
)

func TestDefinitionsUnpack(t *testing.T) {
	t.Parallel()
	files := &protoregistry.Files{}
	require.NoError(t, unpack(graph, files))
	_, err := files.FindDescriptorByName("tensorflow.SavedModel")
	require.NoError(t, err)
	require.NoError(t, unpack(rest, files))
}

func TestMessageOfTensorFlow(t *testing.T) {
	t.Parallel()
	md := Message("tensorflow.SignatureDef")
	require.NotNil(t, md)
	assert.NotNil(t, md.Fields().ByName("defaults"))
	assert.NotNil(t, Message("tensorflow.RunMetadata"), "a rare one")
	assert.Nil(t, Message("tensorflow.DataType"), "an enum is no message")
	assert.Nil(t, Message("tensorflow.NoSuchMessage"))
}
