package bridge

import (
	"crypto/sha256"
	"encoding/hex"
)

// mostLetterSubject is how long a subject may be to be part of a letter's: a server
// ends the connection for good on which a line is longer than its max_control_line,
// 4,096 bytes unless it is set.
const mostLetterSubject = 2048

// LetterSubject is where the dead letter of an event is stored that a route did not
// deliver, by the subject on which it was published. One of excessive length is
// replaced by its SHA-256; the letter's header has the whole.
func LetterSubject(route, subject string) string {
	if len(subject) > mostLetterSubject {
		sum := sha256.Sum256([]byte(subject))
		subject = hex.EncodeToString(sum[:])
	}
	return "dlq." + route + "." + subject
}
