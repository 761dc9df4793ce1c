package filenames

import (
	"regexp"
	"strings"
)

const (
	tempSuffix = ".tfkeep-tmp"
	lockSuffix = ".tfkeep-lock"
)

// Temp returns the name that a file has until it is complete. A file of such a name
// that is not locked was left by a process that died.
func Temp(name string) string { return name + tempSuffix }

// ParseTemp returns the final name of a temporary file.
func ParseTemp(temp string) (name string, ok bool) { return strings.CutSuffix(temp, tempSuffix) }

// Lock returns the name of the file whose lock stands for another file or folder.
func Lock(name string) string { return name + lockSuffix }

// ParseLock returns the file or folder that a lock file stands for.
func ParseLock(lock string) (name string, ok bool) { return strings.CutSuffix(lock, lockSuffix) }

var (
	tensorflowTemp = regexp.MustCompile(`\.tempstate[0-9]+$|\.tmp[0-9a-f]{32}$`)
	shardsDir      = regexp.MustCompile(`_temp(_[0-9a-f]{32})?$`)
	shardsFile     = regexp.MustCompile(`^part-[0-9]{5}-of-[0-9]{5}\.(index|data-[0-9]{5}-of-[0-9]{5})(\.tempstate[0-9]+)?$`)
	part           = regexp.MustCompile(`^part-[0-9]{5}-of-[0-9]{5}\.`)
)

// IsTensorFlowTemp reports whether a file is one that TensorFlow has not finished: a
// bundle or V1 table, or a file that Python replaces in one step.
func IsTensorFlowTemp(name string) bool { return tensorflowTemp.MatchString(name) }

// ParseTensorFlowTemp returns the final name of such a file.
func ParseTensorFlowTemp(name string) (final string, ok bool) {
	at := tensorflowTemp.FindStringIndex(name)
	if at == nil {
		return "", false
	}
	return name[:at[0]], true
}

// ShardsDir returns the folder in which TensorFlow's nodes put the shards of a save until
// they are merged.
func ShardsDir(prefix string) string { return prefix + "_temp" }

// ParseShardsDir returns the prefix for which ShardsDir returns the name.
func ParseShardsDir(name string) (prefix string, ok bool) { return strings.CutSuffix(name, "_temp") }

// IsShardsDir reports whether a folder's name is that of the folder in which the
// shards of a sharded save wait to be merged.
func IsShardsDir(name string) bool { return shardsDir.MatchString(name) }

// IsShardsFile reports whether a file is one that lies in such a folder, finished or
// not.
func IsShardsFile(name string) bool { return shardsFile.MatchString(name) }

// IsPart reports whether a file belongs to the checkpoint of one shard in such a folder.
func IsPart(name string) bool { return part.MatchString(name) }
