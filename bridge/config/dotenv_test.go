package config

import (
	"errors"
	"fmt"
	"io/fs"
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

func TestByteOrderMarkIsNoneOfTheContent(t *testing.T) {
	t.Parallel()
	got, err := Environ(dotenvDir(t, byteOrderMark+"A=1\n"), nil)
	if diff := cmp.Diff([]string{"A=1"}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	c := load(t,
		"NATS_CONTEXT="+file(t, byteOrderMark+`{"url":"nats://h:1"}`),
		"MAKE_WEBHOOK_PAYMENTS_URL_FILE="+file(t, byteOrderMark+hook+"\r\n"),
		"MAKE_WEBHOOK_PAYMENTS_API_KEY_FILE="+file(t, byteOrderMark+"key"),
		"MAKE_WEBHOOK_PAYMENTS_SIGNING_SECRET_FILE="+file(t, byteOrderMark+"whsec_b25l"),
	)
	d := route(t, c, "payments").Destination
	if c.NATS.URL() != "nats://h:1" || d.URL.Reveal().String() != hook || d.APIKey.Reveal() != "key" || d.SigningKeys[0].Reveal() != "one" {
		t.Errorf("%s, %s, %q", c.NATS.URL(), d.URL.Reveal(), d.APIKey.Reveal())
	}
	want := []string{"MAKE_WEBHOOK_PAYMENTS_URL_FILE: the file is empty"}
	if diff := cmp.Diff(want, problemsOf(t, "MAKE_WEBHOOK_PAYMENTS_URL_FILE="+file(t, byteOrderMark))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
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
	const (
		said    = " is not NAME=value, or a quote in it is not closed"
		ofLines = " are not NAME=value, or a quote in them is not closed"
	)
	for _, c := range []struct {
		content, want string
		read          []string
	}{
		{"A=1\nB=\"two\nlines\"\nC-D=" + canary + "\nE=1\n", "line 4" + said, []string{"A=1", "B=two\nlines", "E=1"}},
		{"A='" + canary, "line 1" + said, nil},
		{"A=1\n=" + canary + "\nB=2\nexport =" + canary + "\n", "lines 2, 4" + ofLines, []string{"A=1", "B=2"}},
		{"A=1\n\n\nB='" + canary + "\nC=1", "line 4" + said, []string{"A=1", "C=1"}},
		{"A=1\nNATS_URL", "line 2" + said, []string{"A=1"}},
		{canary + "\r\nA=1\r\nexport B: '\\'\r\n\\'' # \"\r\n'" + canary + "\r\nC=\"" + canary + "\r\nD=$A\r\n# E='\r\n", "lines 1, 5, 6" + ofLines, []string{"A=1", "B=\\'\n\\", "D=1"}},
		{"A=\"" + canary + "\nB=\"2\"\nC=\"x\" y\n", "lines 1, 3" + ofLines, []string{"B=2"}},
		{strings.Repeat(canary+"\n", 12), "lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more" + ofLines, nil},
	} {
		read, err := Environ(dotenvDir(t, c.content), nil)
		if err == nil {
			t.Errorf("%q is accepted", c.content)
			continue
		}
		if !strings.Contains(err.Error(), ".env: "+c.want) || strings.Contains(err.Error(), canary) {
			t.Errorf("got %v, want %s", err, c.want)
		}
		if diff := cmp.Diff(c.read, read); diff != "" {
			t.Errorf("%q: what is read (-want +got):\n%s", c.content, diff)
		}
	}

	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, dotenv), 0o700); err != nil {
		t.Fatal(err)
	}
	read, err := Environ(dir, []string{"A=1"})
	if err == nil || !strings.Contains(err.Error(), "is a directory") || len(read) != 1 {
		t.Errorf("a directory: %v, %v", read, err)
	}
}

func TestBadDotenvHidesNoOtherProblem(t *testing.T) {
	t.Parallel()
	environ, unread := Environ(dotenvDir(t, "A\nBRIDGE_CONCURRENCY=0\nB\nBRIDGE_HOLD_AFTER=0\n"), nil)
	_, err := Load(environ)
	want := `the configuration has 3 problems:
  .env: lines 1, 3 are not NAME=value, or a quote in them is not closed
  BRIDGE_CONCURRENCY: must be at least 1
  BRIDGE_HOLD_AFTER: must be at least 1`
	if diff := cmp.Diff(want, fmt.Sprint(Join(unread, err))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := Join(nil, nil); err != nil {
		t.Error(err)
	}
	if err := Join(unread, fs.ErrExist); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
}
