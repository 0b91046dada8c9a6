package variables

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/makebridge/makebridge/bridge/config"
)

var name = regexp.MustCompile(`\b(?:BRIDGE|NATS|MAKE_WEBHOOK)_[A-Z0-9_]*[A-Z0-9]\b`)

// readByServer is in the configuration files of deploy/nats as $NAME.
var readByServer = regexp.MustCompile(`\$(NATS_[A-Z0-9_]+)`)

func TestEveryVariableExists(t *testing.T) {
	var known []string
	for _, v := range config.Variables() {
		known = append(known, v.Name)
	}
	files := map[string]string{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d.Name() == "test" {
				return fs.SkipDir
			}
			return err
		}
		content, err := os.ReadFile(path)
		files[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range files {
		if filepath.Ext(path) != ".conf" {
			continue
		}
		for _, found := range readByServer.FindAllStringSubmatch(content, -1) {
			known = append(known, found[1])
		}
	}
	seen := 0
	for path, content := range files {
		for _, found := range name.FindAllString(content, -1) {
			seen++
			if !slices.Contains(known, found) && !ofARoute(found, known) {
				t.Errorf("%s: nothing reads %s", path, found)
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d variables were found: is this the right place?", seen)
	}
}

// ofARoute reports whether a name is a route's: MAKE_WEBHOOK_<NAME>_ and one of
// the known endings.
func ofARoute(found string, known []string) bool {
	for _, k := range known {
		ending, ok := strings.CutPrefix(k, "MAKE_WEBHOOK_<NAME>")
		if ok && strings.HasPrefix(found, "MAKE_WEBHOOK_") && strings.HasSuffix(found, ending) {
			return true
		}
	}
	return false
}
