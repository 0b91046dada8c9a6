package main

import (
	"cmp"
	"path/filepath"
	"strings"
)

// command is how the program is started again from a shell: as it was, or with
// go run where that built it.
func (c *console) command() string {
	for dir := range strings.SplitSeq(filepath.ToSlash(c.program), "/") {
		// go run keeps what it builds in go-build123456789 of the directory for
		// temporary files, or in the build cache, which is called go-build.
		if strings.HasPrefix(dir, "go-build") {
			return "go run ./cmd/makebridge"
		}
	}
	return shellWord(cmp.Or(c.program, "makebridge"))
}
