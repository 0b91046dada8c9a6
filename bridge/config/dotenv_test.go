package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func dotenvDir(t *testing.T, content string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, dotenv), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestDotenvNeverOverrides(t *testing.T) {
	t.Parallel()
	dir := dotenvDir(t, "# staging\nexport A=file\nB=\"file # 1\"\n\nC=file\nBRIDGE_STREAM=FILE\n")
	environ := []string{"A=process", "C=", "D=process"}
	got, err := Environ(dir, environ)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"B=file # 1", "BRIDGE_STREAM=FILE", "A=process", "C=", "D=process"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if name := load(t, got...).Stream.Name; name != "FILE" {
		t.Errorf("the stream is %s", name)
	}
}

func TestNoDotenv(t *testing.T) {
	t.Parallel()
	got, err := Environ(t.TempDir(), []string{"A=1"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"A=1"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBadDotenv(t *testing.T) {
	t.Parallel()
	const said = " is not NAME=value, or a quote in it is not closed"
	for _, c := range []struct{ content, want string }{
		{"A=1\nB=\"two\nlines\"\nC-D=" + canary + "\nE=1\n", "line 4" + said},
		{"A='" + canary, "line 1" + said},
		{"A=1\n\n\nB='" + canary + "\nC=1", "line 4" + said},
	} {
		_, err := Environ(dotenvDir(t, c.content), nil)
		if err == nil {
			t.Errorf("%q is accepted", c.content)
			continue
		}
		if !strings.Contains(err.Error(), ".env: "+c.want) || strings.Contains(err.Error(), canary) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}

	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, dotenv), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Environ(dir, nil); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a directory: %v", err)
	}
}
