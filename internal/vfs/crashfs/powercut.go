package crashfs

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
)

// Loss is what a power cut does to what was not synced.
type Loss int

const (
	// KeepNothing loses every change to contents and names that was not synced.
	KeepNothing Loss = iota
	// KeepNames keeps names and sizes but loses contents: the file is there,
	// full of zeros where nothing was synced.
	KeepNames
	// KeepNamesEmpty keeps names but no size: the file is there and empty,
	// unless contents were synced.
	KeepNamesEmpty
	// KeepContents loses names alone: what was renamed has its old name, what
	// was created is gone, what was removed is back.
	KeepContents
	// KeepSome decides for each name and for the contents of each file by
	// itself, as POSIX allows; the numbers from KeepSome on are different
	// draws. A file that was renamed keeps one of its names or both.
	KeepSome
)

// PowerCut restarts the machine after losing what was not synced.
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
	// What had a durable name and was never removed has a name still.
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
