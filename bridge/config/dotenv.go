package config

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/joho/godotenv"
)

// dotenv is the file of a working directory that settings may be kept in.
const dotenv = ".env"

// Environ puts the .env file of a directory, if there is one, below an
// environment: a name that the environment has, even without a value, keeps
// what it has there. It returns entries as Load takes them, and changes neither
// its argument nor the process's environment. Its error is an *Error.
func Environ(dir string, environ []string) ([]string, error) {
	content, err := readFile(filepath.Join(dir, dotenv))
	if errors.Is(err, fs.ErrNotExist) {
		return slices.Clone(environ), nil
	}
	if err != nil {
		return nil, &Error{[]Problem{{dotenv, faultOf(err, "cannot be read")}}}
	}
	file, err := godotenv.UnmarshalBytes(content)
	if err != nil { // which quotes the file
		return nil, &Error{[]Problem{{dotenv, "line " + strconv.Itoa(badLine(content)) + " is not NAME=value, or a quote in it is not closed"}}}
	}
	given := newEnvironment(environ)
	var merged []string
	for _, name := range slices.Sorted(maps.Keys(file)) {
		if _, ok := given[name]; !ok {
			merged = append(merged, name+"="+file[name])
		}
	}
	return append(merged, environ...), nil
}

// badLine finds the line that the parser stumbles at: the one after the longest
// beginning of the file that it accepts.
func badLine(content []byte) int {
	lines := bytes.SplitAfter(content, []byte("\n"))
	for n := len(lines) - 1; n > 0; n-- {
		if _, err := godotenv.UnmarshalBytes(bytes.Join(lines[:n], nil)); err == nil {
			return n + 1
		}
	}
	return 1
}
