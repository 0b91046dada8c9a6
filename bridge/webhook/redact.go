package webhook

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/makebridge/makebridge/bridge"
)

// minSecret is the least length, in bytes, of a part of a URL that is kept
// secret by itself: "v1" or "hook" in an answer gives nothing away.
const minSecret = 6

// redact takes out of a text from the other side what gives the destination
// away, in case it repeats that: the address, its path and query, their parts,
// and the API key.
func redact(d *bridge.Destination, text string) string {
	address := d.URL.Reveal()
	words := []string{address.String(), address.RequestURI()}
	for _, path := range []string{address.EscapedPath(), address.Path} {
		words = append(words, strings.Trim(path, "/"))
		words = append(words, strings.Split(path, "/")...)
	}
	words = append(words, queryWords(address)...)
	words = slices.DeleteFunc(words, func(w string) bool { return len(w) < minSecret })
	if !d.APIKey.IsZero() {
		words = append(words, d.APIKey.Reveal())
	}
	// The longest first, or a part would be replaced and the rest left.
	slices.SortFunc(words, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	pairs := make([]string, 0, 2*len(words))
	for _, w := range words {
		pairs = append(pairs, w, "[redacted]")
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// queryWords returns the query, whole and its values, as sent and decoded. A
// name without a value counts as one.
func queryWords(address *url.URL) []string {
	words := []string{address.RawQuery}
	for pair := range strings.SplitSeq(address.RawQuery, "&") {
		value := pair
		if _, after, ok := strings.Cut(pair, "="); ok {
			value = after
		}
		words = append(words, value)
		if plain, err := url.QueryUnescape(value); err == nil {
			words = append(words, plain)
		}
	}
	return words
}
