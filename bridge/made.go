package bridge

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
)

const (
	// MostSkew is how far behind NATS a publisher's clock is taken to be at the
	// most.
	MostSkew = time.Minute
	// MostLate is how long after it was made an event is taken to be published
	// at the latest: publishers try for some minutes.
	MostLate = 15 * time.Minute
)

// MadeAt reads the time in an event id that is a UUIDv7 (RFC 9562 §5.7), to the
// millisecond. It reports false for any other.
func MadeAt(eventID string) (time.Time, bool) {
	const form = len("00000000-0000-7000-8000-000000000000")
	if len(eventID) != form || strings.Count(eventID, "-") != 4 {
		return time.Time{}, false
	}
	id, err := hex.DecodeString(strings.ReplaceAll(eventID, "-", ""))
	if err != nil || id[6]>>4 != 7 {
		return time.Time{}, false
	}
	made := binary.BigEndian.Uint64(append([]byte{0, 0}, id[:6]...))
	return time.UnixMilli(int64(made)).UTC(), true //nolint:gosec // 48 bits
}
