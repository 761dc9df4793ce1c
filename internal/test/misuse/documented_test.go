package misuse_test

// documented has the functions that take what others refuse, and what they do with it. Their
// comments say so, too.
var documented = map[string]string{
	"capi.CloseSession":                "closing twice does nothing",
	"savedmodel.(*Signature).Close":    "a nil Signature has nothing to free",
	"saver.(GlobalStep).Value":         "a number needs no session",
	"saver.(*Saver).Build":             "a Saver that is built stays built after Close",
	"saver.(*Saver).ExportMetaGraph":   "it needs no session and no lock",
	"saver/supervisor.Run":             "a nil Saver means that nothing is saved",
	"tf.(*Callable).Close":             "a nil Callable has nothing to free",
	"tf.(*Graph).WithDeviceFunc":       "a nil function removes all devices",
	"tf.(*SessionOptions).ConfigProto": "nil options are the defaults",
	"tf.(*Session).Close":              "a nil Session has nothing to free",
	"tf/cluster.(*Spec).Address":       "a nil Spec is an empty cluster",
	"tf/cluster.NewServer":             "a nil Spec is a cluster of one local task",
	"tf/cluster.ReplicaDeviceSetter":   "a nil Spec leaves the number of servers to the options",
}
