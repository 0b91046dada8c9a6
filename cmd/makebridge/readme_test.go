package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/subjects"
)

var update = flag.Bool("update", false, "rewrite what is generated")

const readme = "../../README.md"

// TestReadmeListsEverySetting compares README.md's table with the settings that
// the code reads; -update rewrites it.
func TestReadmeListsEverySetting(t *testing.T) {
	b, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- settings: this table is checked against the code by a test -->\n", "<!-- /settings -->"
	before, rest, ok := strings.Cut(string(b), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("README.md has no table of settings")
	}
	var want strings.Builder
	want.WriteString("\n| variable | default | meaning |\n| --- | --- | --- |\n")
	for _, v := range config.Variables() {
		fmt.Fprintf(&want, "| `%s` | %s | %s |\n", v.Name, v.Default, v.Meaning)
	}
	want.WriteString("\n")
	if *update {
		if err := os.WriteFile(readme, []byte(before+begin+want.String()+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want.String(), got); diff != "" {
		t.Errorf("README.md is out of date; go test ./cmd/makebridge -run Readme -update (-want +got):\n%s", diff)
	}
}

// TestDesignNamesTestsThatExist keeps bridge/DESIGN.md honest.
func TestDesignNamesTestsThatExist(t *testing.T) {
	design, err := os.ReadFile("../../bridge/DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, pattern := range []string{"*_test.go", "../../bridge/*_test.go", "../../bridge/*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			tests.Write(b)
		}
	}
	names := regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllStringSubmatch(string(design), -1)
	if len(names) < 20 {
		t.Errorf("%d tests are named", len(names))
	}
	for _, n := range names {
		if !strings.Contains(tests.String(), "func "+n[1]+"(") {
			t.Errorf("bridge/DESIGN.md names %s, which does not exist", n[1])
		}
	}
}

func TestReadmeListsEveryRoute(t *testing.T) {
	b, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range subjects.Routes() {
		row := fmt.Sprintf("| %s | `MAKE_WEBHOOK_%s_URL` | `%s`", r.Name, r.Env, strings.Join(r.Subjects, "`, `"))
		if !strings.Contains(string(b), row) {
			t.Errorf("README.md has no row %s", row)
		}
	}
}
