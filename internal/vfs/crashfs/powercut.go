package crashfs

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
)

// Loss is the effect of a power cut on what was not synced.
type Loss int

const (
	// KeepNothing loses every change of contents and names that was not synced.
	KeepNothing Loss = iota
	// KeepNames keeps names and sizes but loses contents: the file has zeros where
	// nothing was synced.
	KeepNames
	// KeepNamesEmpty keeps names but loses sizes: the file is empty unless its content
	// was synced.
	KeepNamesEmpty
	// KeepContents loses changes of names only: a renamed file has its old name, a
	// created one is gone, and a removed one is back.
	KeepContents
	// KeepSome decides separately for each name and for the content of each file, as
	// POSIX allows. The numbers from KeepSome on are different random choices. A
	// renamed file keeps one of its names or both.
	KeepSome
)

// PowerCut loses what was not synced and restarts the machine.
func (f *FS) PowerCut(loss Loss) {
	f.mu.Lock()
	defer f.mu.Unlock()
	random := rand.New(rand.NewPCG(uint64(loss), 1))
	names := f.survivingNames(loss, random)
	copies := map[*inode]*inode{}
	after := make(map[string]*inode, len(names))
	for _, p := range slices.Sorted(maps.Keys(names)) {
		n := names[p]
		if copies[n] == nil {
			data := n.survivingContents(loss, random)
			copies[n] = &inode{name: n.name, dir: n.dir, mtime: n.mtime, durable: true, data: data, synced: bytes.Clone(data)}
		}
		after[p] = copies[n]
	}
	f.live = after
	f.durable = make(map[string]*inode, len(after))
	for p, n := range after {
		f.durable[p] = n
	}
	f.restart()
}

func (f *FS) survivingNames(loss Loss, random *rand.Rand) map[string]*inode {
	switch {
	case loss == KeepNames, loss == KeepNamesEmpty:
		return f.live
	case loss < KeepSome:
		return f.durable
	}
	all := map[string]*inode{}
	for p, n := range f.durable {
		all[p] = n
	}
	for p, n := range f.live {
		all[p] = n
	}
	kept := map[string]*inode{}
	found := map[*inode]bool{}
	for _, p := range slices.Sorted(maps.Keys(all)) {
		n := f.live[p]
		if random.IntN(2) == 0 {
			n = f.durable[p]
		}
		if n != nil {
			kept[p] = n
			found[n] = true
		}
	}
	// A file that had a durable name and was not removed still has a name.
	living := map[*inode]bool{}
	for _, n := range f.live {
		living[n] = true
	}
	for _, p := range slices.Sorted(maps.Keys(f.durable)) {
		if n := f.durable[p]; living[n] && !found[n] {
			if kept[p] == nil {
				kept[p] = n
			}
		}
	}
	return kept
}

func (n *inode) survivingContents(loss Loss, random *rand.Rand) []byte {
	if n.dir {
		return nil
	}
	if n.durable && bytes.Equal(n.synced, n.data) || loss == KeepContents {
		return bytes.Clone(n.data)
	}
	if loss >= KeepSome {
		loss = Loss(random.IntN(int(KeepSome)))
		if loss == KeepContents {
			return bytes.Clone(n.data)
		}
	}
	if loss == KeepNames {
		data := make([]byte, len(n.data))
		copy(data, n.synced)
		return data
	}
	return bytes.Clone(n.synced)
}
