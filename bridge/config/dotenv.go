package config

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/joho/godotenv"
)

// dotenv is the file of a working directory that settings may be kept in.
const dotenv = ".env"

// Environ puts the .env file of a directory, if there is one, below an
// environment: a name that the environment has, even without a value, keeps
// what it has there. It returns entries as Load takes them, and changes neither
// its argument nor the process's environment.
//
// Its error is an *Error. The entries are then those that could be read, so that
// other problems can be told of as well (see Join).
func Environ(dir string, environ []string) ([]string, error) {
	content, err := readFile(filepath.Join(dir, dotenv))
	if errors.Is(err, fs.ErrNotExist) {
		return slices.Clone(environ), nil
	}
	if err != nil {
		return slices.Clone(environ), &Error{[]Problem{{dotenv, faultOf(err, "cannot be read")}}}
	}
	file, bad := parseDotenv(content)
	given := newEnvironment(environ)
	var merged []string
	for _, name := range slices.Sorted(maps.Keys(file)) {
		if _, ok := given[name]; !ok {
			merged = append(merged, name+"="+file[name])
		}
	}
	if len(bad) > 0 {
		err = &Error{[]Problem{{dotenv, badLinesFault(bad)}}}
	}
	return append(merged, environ...), err
}

// parseDotenv reads the lines that can be read, and numbers the others. The
// parser stops at the first of these, and what it says quotes them.
func parseDotenv(content []byte) (file map[string]string, bad []int) {
	content = append(content, '\n') // without it the last line may be anything
	file, err := readLines(content)
	if err == nil {
		return file, nil
	}
	lines := bytes.SplitAfter(content, []byte("\n"))
	for i := 0; i < len(lines); {
		n := statement(lines[i:])
		if _, err := readLines(bytes.Join(lines[i:i+n], nil)); err != nil {
			bad = append(bad, i+1)
			lines[i], n = nil, 1
		}
		i += n
	}
	file, _ = readLines(bytes.Join(lines, nil)) // which it takes line by line; but values can name others
	return file, bad
}

// readLines reads lines that all can be read. The parser takes a value without a
// name for one of no name.
func readLines(lines []byte) (map[string]string, error) {
	file, err := godotenv.UnmarshalBytes(lines)
	if _, nameless := file[""]; nameless && err == nil {
		err = fault("a value has no name")
	}
	return file, err
}

// opening matches a line up to the quote that its value begins with.
var opening = regexp.MustCompile(`^[^=:#'"]*[=:]\s*(["'])`)

// statement counts the lines that the first one's value takes: more than one if
// it begins with a quote that another one closes.
func statement(lines [][]byte) int {
	found := opening.FindSubmatchIndex(lines[0])
	if found == nil {
		return 1
	}
	quote, text := lines[0][found[2]], lines[0][found[3]:]
	for n := 1; ; n++ {
		for i, b := range text {
			if b == quote && (i == 0 || text[i-1] != '\\') {
				return n
			}
		}
		if n == len(lines) {
			return 1
		}
		text = lines[n]
	}
}

// mostBadLines is how many are named.
const mostBadLines = 10

func badLinesFault(bad []int) string {
	const isNot = "not NAME=value, or a quote in "
	if len(bad) == 1 {
		return "line " + strconv.Itoa(bad[0]) + " is " + isNot + "it is not closed"
	}
	var numbers []string
	for _, n := range bad[:min(len(bad), mostBadLines)] {
		numbers = append(numbers, strconv.Itoa(n))
	}
	text := "lines " + strings.Join(numbers, ", ")
	if more := len(bad) - len(numbers); more > 0 {
		text += " and " + strconv.Itoa(more) + " more"
	}
	return text + " are " + isNot + "them is not closed"
}
