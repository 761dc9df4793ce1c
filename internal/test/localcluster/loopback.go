package localcluster

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Connections returns the remote addresses of a process's TCP connections. It reads
// Linux's /proc.
func Connections(pid int) ([]netip.Addr, error) {
	proc := fmt.Sprintf("/proc/%d", pid)
	files, err := filepath.Glob(proc + "/fd/*")
	if err != nil {
		return nil, err
	}
	sockets := make(map[string]bool)
	for _, file := range files {
		if target, err := os.Readlink(file); err == nil { // the file may be closed by now
			if inode, ok := strings.CutPrefix(target, "socket:["); ok {
				sockets[strings.TrimSuffix(inode, "]")] = true
			}
		}
	}
	var remotes []netip.Addr
	for _, table := range []string{"/net/tcp", "/net/tcp6"} {
		f, err := os.Open(proc + table)
		if err != nil {
			return nil, err
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			// sl local_address rem_address st … inode; the state 01 is ESTABLISHED.
			fields := strings.Fields(lines.Text())
			if len(fields) < 10 || fields[3] != "01" || !sockets[fields[9]] {
				continue
			}
			addr, err := procAddress(fields[2])
			if err != nil {
				f.Close()
				return nil, err
			}
			remotes = append(remotes, addr)
		}
		f.Close()
	}
	return remotes, nil
}

// procAddress reads an address such as "0100007F:1F90", in which each group of four bytes
// is reversed.
func procAddress(text string) (netip.Addr, error) {
	digits, _, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw)%4 != 0 {
		return netip.Addr{}, fmt.Errorf("%q is not an address of /proc/net/tcp", text)
	}
	for group := range slices.Chunk(raw, 4) {
		slices.Reverse(group)
	}
	addr, ok := netip.AddrFromSlice(raw)
	if !ok {
		return netip.Addr{}, fmt.Errorf("%q is not an address of /proc/net/tcp", text)
	}
	return addr.Unmap(), nil
}
