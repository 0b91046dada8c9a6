package container

import (
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

var repository = filepath.Join("..", "..", "..")

func stages(t *testing.T) []instructions.Stage {
	t.Helper()
	f, err := os.Open(filepath.Join(repository, "deploy", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	parsed, err := parser.Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(parsed.Warnings) > 0 {
		t.Errorf("warnings: %v", parsed.Warnings)
	}
	list, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// command returns the last instruction of a kind in a stage.
func command[T instructions.Command](t *testing.T, s instructions.Stage) T {
	t.Helper()
	var found T
	ok := false
	for _, c := range s.Commands {
		if c, is := c.(T); is {
			found, ok = c, true
		}
	}
	if !ok {
		t.Fatalf("the stage has no %T", found)
	}
	return found
}

func TestImageHoldsTheProgramAlone(t *testing.T) {
	all := stages(t)
	last := all[len(all)-1]
	if last.BaseName != "scratch" {
		t.Errorf("is based on %s", last.BaseName)
	}
	user, group, _ := strings.Cut(command[*instructions.UserCommand](t, last).User, ":")
	for _, id := range []string{user, group} {
		// Kubernetes' runAsNonRoot understands numbers only.
		if n, err := strconv.Atoi(id); err != nil || n == 0 {
			t.Errorf("runs as %s:%s", user, group)
		}
	}
	if got := command[*instructions.EntrypointCommand](t, last).CmdLine; !slices.Equal(got, []string{"/makebridge"}) {
		t.Errorf("starts %q", got)
	}
	if got := command[*instructions.CmdCommand](t, last).CmdLine; !slices.Equal(got, []string{"run"}) {
		t.Errorf("runs %q", got)
	}
	if got := command[*instructions.HealthCheckCommand](t, last).Health.Test; !slices.Equal(got, []string{"CMD", "/makebridge", "healthy"}) {
		t.Errorf("asks for health by %q", got)
	}
	if got := command[*instructions.StopSignalCommand](t, last).Signal; got != "SIGTERM" {
		t.Errorf("is stopped by %s", got)
	}
}

func TestProgramIsStaticAndKnowsItsVersion(t *testing.T) {
	build := stages(t)[0]
	var run []string
	for _, c := range build.Commands {
		if r, ok := c.(*instructions.RunCommand); ok {
			run = append(run, strings.Join(r.CmdLine, " "))
		}
	}
	all := strings.Join(run, "\n")
	for _, want := range []string{"CGO_ENABLED=0", "-tags grpcnotrace", "-trimpath", "-X main.version=$VERSION", "-o /root-fs/makebridge ./cmd/makebridge", "ca-certificates.crt", "chmod 1777 /root-fs/tmp"} {
		if !strings.Contains(all, want) {
			t.Errorf("no step says %s", want)
		}
	}
	source, err := os.ReadFile(filepath.Join(repository, "cmd", "makebridge", "version.go"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(source), `var version = ""`) {
		t.Error("there is no main.version for the linker to set")
	}
	mod, err := os.ReadFile(filepath.Join(repository, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	_, image, _ := strings.Cut(build.BaseName, ":")
	if !strings.Contains(string(mod), "\ngo "+image+".") {
		t.Errorf("is built with Go %s, and go.mod asks for another", image)
	}
}

// TestContextHasWhatTheBuildNeeds copies what .dockerignore leaves, and has Go
// look for every package and every embedded file there.
func TestContextHasWhatTheBuildNeeds(t *testing.T) {
	context := t.TempDir()
	copied := copyContext(t, context)
	for _, file := range copied {
		if strings.HasSuffix(file, "_test.go") || filepath.Base(file) == ".env" || strings.HasPrefix(file, ".git") || strings.HasPrefix(file, "deploy") {
			t.Errorf("%s is sent to the builder", file)
		}
	}
	list := exec.Command("go", "list", "-e", "-deps", "-json=ImportPath,Error,DepsErrors", "./cmd/makebridge")
	list.Dir, list.Env = context, append(os.Environ(), "CGO_ENABLED=0")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := 0
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; packages++ {
		var p struct {
			ImportPath string
			Error      *struct{ Err string }
		}
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Error != nil {
			t.Errorf("%s: %s", p.ImportPath, p.Error.Err)
		}
	}
	if packages < 100 {
		t.Errorf("only %d packages", packages)
	}
}

func copyContext(t *testing.T, to string) []string {
	t.Helper()
	f, err := os.Open(filepath.Join(repository, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	patterns, err := ignorefile.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	var copied []string
	err = filepath.WalkDir(repository, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(repository, path)
		if err != nil {
			return err
		}
		if skip, err := ignored.MatchesOrParentMatches(name); skip || err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		copied = append(copied, name)
		target := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return copied
}
