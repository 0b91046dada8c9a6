package config

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
)

// maxFile is more than any secret, context or certificate bundle needs.
const maxFile = 1 << 20

// byteOrderMark is what some editors put before UTF-8 (Unicode 23.8).
const byteOrderMark = "\xef\xbb\xbf"

// readFile returns the content of a file that a variable names, without a byte
// order mark. Its errors are faults or carry the operating system's reason.
// Anything but a regular file is refused: a pipe could be read only once, a
// terminal not at all.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fault("is a directory")
	case !info.Mode().IsRegular():
		return nil, fault("is not a regular file")
	case info.Size() > maxFile:
		return nil, fault("is larger than 1 MiB")
	}
	f, err := os.Open(path) //nolint:gosec // whoever sets the variable chooses the file
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile))
	return bytes.TrimPrefix(content, []byte(byteOrderMark)), err
}

// fileFault says what is wrong with the file that a variable names: why it
// cannot be read, or otherwise, what it lacks.
func fileFault(err error, otherwise string) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return "the file: " + path.Err.Error()
	}
	return "the file " + faultOf(err, otherwise)
}
