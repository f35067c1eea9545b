package file

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/mesokit/mesokit/agent/checkpoint"
)

// A log begins with magic, which names the version of the format, then come frames:
//
//	uint32  length of the body, little-endian
//	uint32  CRC-32C of the body
//	body    kind (1 byte: put or remove), uvarint length of the key, key, value
//
// A batch is a run of frames that ends with one of kind commit, so that a batch is there as a whole or
// not at all.
const magic = "mesokit checkpoint 1\n"

const (
	kindPut    = 1
	kindRemove = 2
	kindCommit = 3

	frameHeader = 8
	maxBody     = 1 + binary.MaxVarintLen32 + checkpoint.MaxKey + checkpoint.MaxValue
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errTorn is returned when the bytes do not hold a whole frame: the log ends here.
var errTorn = errors.New("torn frame")

func appendFrame(b []byte, kind byte, key string, value []byte) []byte {
	start := len(b)
	b = append(b, make([]byte, frameHeader)...)
	b = append(b, kind)
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(b, key...)
	b = append(b, value...)
	body := b[start+frameHeader:]
	binary.LittleEndian.PutUint32(b[start:], uint32(len(body)))
	binary.LittleEndian.PutUint32(b[start+4:], crc32.Checksum(body, castagnoli))
	return b
}

func appendEntry(b []byte, e checkpoint.Entry) []byte {
	if e.Value == nil {
		return appendFrame(b, kindRemove, e.Key, nil)
	}
	return appendFrame(b, kindPut, e.Key, e.Value)
}

// readFrame reads the frame at the beginning of b; n is its size. key and value point into b.
func readFrame(b []byte) (kind byte, key string, value []byte, n int, err error) {
	if len(b) < frameHeader {
		return 0, "", nil, 0, errTorn
	}
	size := binary.LittleEndian.Uint32(b)
	if size == 0 || size > maxBody || int(size) > len(b)-frameHeader {
		return 0, "", nil, 0, errTorn
	}
	body := b[frameHeader : frameHeader+int(size)]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
		return 0, "", nil, 0, errTorn
	}
	keySize, used := binary.Uvarint(body[1:])
	if used <= 0 || keySize > uint64(len(body)-1-used) {
		return 0, "", nil, 0, errTorn
	}
	rest := body[1+used:]
	return body[0], string(rest[:keySize]), rest[keySize:], frameHeader + int(size), nil
}

// replay applies the whole batches in b to values and returns how many bytes they take.
func replay(b []byte, values map[string][]byte) (good int) {
	var batch []checkpoint.Entry
	for at := 0; ; {
		kind, key, value, n, err := readFrame(b[at:])
		if err != nil {
			return good
		}
		at += n
		switch kind {
		case kindPut:
			batch = append(batch, checkpoint.Entry{Key: key, Value: append([]byte{}, value...)})
		case kindRemove:
			batch = append(batch, checkpoint.Entry{Key: key})
		case kindCommit:
			for _, e := range batch {
				if e.Value == nil {
					delete(values, e.Key)
				} else {
					values[e.Key] = e.Value
				}
			}
			batch, good = batch[:0], at
		default:
			return good
		}
	}
}
