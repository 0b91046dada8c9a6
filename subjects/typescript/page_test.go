// Package typescript checks that the page on publishing from TypeScript prints
// the files of this folder, and that they say what the Go packages say.
package typescript

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/subjects"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func page(t *testing.T) string {
	t.Helper()
	return read(t, "../README.md")
}

func TestPagePrintsTheFiles(t *testing.T) {
	paths, err := filepath.Glob("*.ts")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, path := range paths {
		files[path] = read(t, path)
	}
	// A block of the page is named by the line before it.
	printed := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)`typescript/([a-z]+\\.ts)`[^\n]*\n\n```ts\n(.*?)```\n").FindAllStringSubmatch(page(t), -1) {
		printed[m[1]] = m[2]
	}
	if blocks := strings.Count(page(t), "```ts\n"); len(files) == 0 || blocks != len(files) {
		t.Errorf("%d blocks on the page, %d files", blocks, len(files))
	}
	if diff := cmp.Diff(files, printed); diff != "" {
		t.Errorf("page (-file +page):\n%s", diff)
	}
}

func TestEventsHaveTheSubjectsOfTheCatalogue(t *testing.T) {
	want := "const subjects = {\n"
	for _, e := range subjects.Catalogue() {
		want += fmt.Sprintf("  %q: %q,\n", e.Type, e.Subject)
	}
	want += "} as const;\n"
	if !strings.Contains(read(t, "events.ts"), want) {
		t.Errorf("events.ts should have\n%s", want)
	}
}

func TestPageInstallsTheVersionsOfThePackage(t *testing.T) {
	var p struct{ Dependencies map[string]string }
	if err := json.Unmarshal([]byte(read(t, "package.json")), &p); err != nil {
		t.Fatal(err)
	}
	want := "npm install"
	for _, name := range slices.Sorted(maps.Keys(p.Dependencies)) {
		want += " " + name + "@" + p.Dependencies[name]
	}
	if !strings.Contains(page(t), want+"\n") {
		t.Errorf("the page should say %s", want)
	}
}
