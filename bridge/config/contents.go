package config

import (
	"crypto/sha256"
	"slices"
	"strings"
)

// contents stands for what some files hold, or why they cannot be read, and
// gives none of it away. The zero contents are those of no files.
type contents [sha256.Size]byte

func read(files []string) contents {
	all := sha256.New()
	for _, f := range files {
		content, err := readFile(f)
		state := byte(0)
		if err != nil {
			state, content = 1, []byte(fileFault(err, "cannot be read"))
		}
		sum := sha256.Sum256(content)
		all.Write(append(sum[:], state))
	}
	return contents(all.Sum(nil))
}

// secretFiles lists the files that _FILE variables of routes name, each once.
func secretFiles(e environment) []string {
	var files []string
	for _, name := range e.names() {
		if _, ok := routeOf(name); ok && strings.HasSuffix(name, "_FILE") && e.isSet(name) {
			files = append(files, e.get(name))
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}
