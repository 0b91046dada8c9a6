package bridge

import (
	"slices"
	"strings"
)

// ChoiceError is a word that is none of those a setting may be. It holds those,
// and not the word that was read.
type ChoiceError struct {
	// Words are two at least.
	Words []string
}

// Error lists the words.
func (e *ChoiceError) Error() string {
	last := len(e.Words) - 1
	return "must be " + strings.Join(e.Words[:last], ", ") + " or " + e.Words[last]
}

// Choose returns the place of a word in a closed set, from 0, whatever its
// case and the white space around it. Its error is a *ChoiceError.
func Choose(text []byte, words []string) (int, error) {
	i := slices.Index(words, strings.ToLower(strings.TrimSpace(string(text))))
	if i < 0 {
		return 0, &ChoiceError{words}
	}
	return i, nil
}
