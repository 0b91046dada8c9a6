package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// mostLinks is where Linux stops following symbolic links too.
const mostLinks = 40

// watchDirectories has changes in these directories noticed, and in no others.
// Directories that cannot be watched do not keep it from watching the rest.
func watchDirectories(notices *fsnotify.Watcher, dirs []string) error {
	var errs []error
	for _, d := range dirs {
		errs = append(errs, notices.Add(d)) // anew: it may be another directory now
	}
	for _, d := range notices.WatchList() {
		if !slices.Contains(dirs, d) {
			_ = notices.Remove(d) // it may be gone already
		}
	}
	return errors.Join(errs...)
}

// directories lists those in which a change can make a path lead to something
// else: the directory of each file and of every symbolic link on the way to it.
// A file is not watched itself, since most who change it put another in its
// place.
func directories(files []string) []string {
	var dirs []string
	for _, path := range files {
		for range mostLinks {
			link, to := firstLink(path)
			if link == "" {
				break
			}
			dirs = append(dirs, filepath.Dir(link))
			path = to
		}
		if path, err := filepath.Abs(path); err == nil {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// firstLink returns the first symbolic link in a path, empty if there is none,
// and the path with the link replaced by where it leads.
func firstLink(path string) (link, to string) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", ""
	}
	const separator = string(filepath.Separator)
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i:i+1] != separator {
			continue
		}
		target, err := os.Readlink(path[:i])
		if err != nil {
			continue // not a link
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path[:i]), target)
		}
		return path[:i], filepath.Join(target, strings.TrimPrefix(path[i:], separator))
	}
	return "", ""
}

// reason is what the operating system says, without the path.
func reason(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return "cannot be watched"
}
