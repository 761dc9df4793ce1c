package checkpoint

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// The key under which a table holds one slice of a tensor is, in OrderedCode,
//
//	number 0, name, number rank, then start and length of every dimension
//
// with 0 and -1 for a full one. OrderedCode's encodings sort as their values do
// and none is the prefix of another:
//
//   - a number: how many bytes follow, then its big-endian bytes;
//   - a string: 0x00 as 00 ff, 0xff as ff 00, others as they are, 00 01 at the end;
//   - a signed number: two's complement, big-endian, in the least n bytes that
//     hold it in 7n-1 bits and a sign, with the first n bits flipped.

// appendSliceKey appends the key of a slice.
func appendSliceKey(b []byte, name string, s Slice) []byte {
	b = append(b, 0)
	for i := range len(name) {
		switch c := name[i]; c {
		case 0:
			b = append(b, 0, 0xff)
		case 0xff:
			b = append(b, 0xff, 0)
		default:
			b = append(b, c)
		}
	}
	b = append(b, 0, 1)
	b = appendOrdered(b, uint64(len(s)))
	for _, e := range s {
		b = appendOrderedSigned(b, e.Start)
		b = appendOrderedSigned(b, e.Length)
	}
	return b
}

// parseSliceKey parses the key of a slice. It accepts only what appendSliceKey appends.
func parseSliceKey(key []byte) (name string, s Slice, ok bool) {
	rest, found := bytes.CutPrefix(key, []byte{0})
	if !found {
		return "", nil, false
	}
	name, rest, ok = cutOrderedString(rest)
	if !ok {
		return "", nil, false
	}
	rank, rest, ok := cutOrdered(rest)
	if !ok || rank > maxRank || 2*rank > uint64(len(rest)) {
		return "", nil, false
	}
	s = make(Slice, rank)
	for i := range s {
		if s[i].Start, rest, ok = cutOrderedSigned(rest); !ok {
			return "", nil, false
		}
		if s[i].Length, rest, ok = cutOrderedSigned(rest); !ok {
			return "", nil, false
		}
	}
	return name, s, bytes.Equal(key, appendSliceKey(make([]byte, 0, len(key)), name, s))
}

func appendOrdered(b []byte, v uint64) []byte {
	n := (bits.Len64(v) + 7) / 8
	var buf [8]byte
	binary.BigEndian.PutUint64(buf[:], v)
	return append(append(b, byte(n)), buf[8-n:]...)
}

func cutOrdered(b []byte) (v uint64, rest []byte, ok bool) {
	if len(b) == 0 || b[0] > 8 || len(b) < 1+int(b[0]) {
		return 0, nil, false
	}
	n := 1 + int(b[0])
	for _, c := range b[1:n] {
		v = v<<8 | uint64(c)
	}
	return v, b[n:], true
}

func appendOrderedSigned(b []byte, v int64) []byte {
	n := orderedSignedLen(v)
	buf := orderedSignedBytes(v)
	flipLeadingBits(buf[10-n:], n)
	return append(b, buf[10-n:]...)
}

func cutOrderedSigned(b []byte) (v int64, rest []byte, ok bool) {
	n, ok := orderedSignedLenAt(b)
	if !ok || len(b) < n {
		return 0, nil, false
	}
	var buf [10]byte
	copy(buf[10-n:], b[:n])
	flipLeadingBits(buf[10-n:], n)
	if buf[10-n]&0x80 != 0 {
		for i := range 10 - n {
			buf[i] = 0xff
		}
	}
	v = int64(binary.BigEndian.Uint64(buf[2:]))
	return v, b[n:], buf == orderedSignedBytes(v) && n == orderedSignedLen(v)
}

// orderedSignedLen returns the number of bytes of an encoded number: 1 for 6 bits and a
// sign, 2 for 13, … 10 for 63.
func orderedSignedLen(v int64) int {
	if v < 0 {
		v = ^v
	}
	return bits.Len64(uint64(v))/7 + 1
}

// orderedSignedLenAt counts the bits at the start of b that equal the first one.
func orderedSignedLenAt(b []byte) (int, bool) {
	var head [2]byte
	if copy(head[:], b) == 0 {
		return 0, false
	}
	if head[0]&0x80 == 0 {
		head[0], head[1] = ^head[0], ^head[1]
	}
	n := bits.LeadingZeros8(^head[0])
	if n == 8 {
		n += min(bits.LeadingZeros8(^head[1]), 2)
	}
	return n, true
}

// orderedSignedBytes returns v in 10 bytes, big-endian.
func orderedSignedBytes(v int64) (buf [10]byte) {
	if v < 0 {
		buf[0], buf[1] = 0xff, 0xff
	}
	binary.BigEndian.PutUint64(buf[2:], uint64(v))
	return buf
}

func flipLeadingBits(b []byte, n int) {
	for i := range n {
		b[i/8] ^= 0x80 >> (i % 8)
	}
}

func cutOrderedString(b []byte) (s string, rest []byte, ok bool) {
	var out []byte
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c != 0 && c != 0xff {
			out = append(out, c)
			continue
		}
		if i++; i == len(b) {
			return "", nil, false
		}
		switch {
		case c == 0 && b[i] == 1:
			return string(out), b[i+1:], true
		case c == 0 && b[i] == 0xff, c == 0xff && b[i] == 0:
			out = append(out, c)
		default:
			return "", nil, false
		}
	}
	return "", nil, false
}
