package nats

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/nats-io/nkeys"
)

// The users of accounts.conf, by their inbox prefixes and environment variables.
const (
	publisher = "PUBLISHER"
	theBridge = "BRIDGE"
	operator  = "OPERATOR"
	developer = "DEVELOPER"
	system    = "SYSTEM"
)

// files are what the tests of this package share: the program, certificates,
// and the seeds of the users.
var files string

func TestMain(m *testing.M) {
	status, err := prepare(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func prepare(m *testing.M) (status int, err error) {
	files, err = os.MkdirTemp("", "makebridge-deploy-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(files)
	build := exec.Command("go", "build", "-o", files, "./cmd/makebridge")
	build.Dir = filepath.Join("..", "..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build makebridge: %w\n%s", err, out)
	}
	if err := writeCertificates(files); err != nil {
		return 1, err
	}
	for _, user := range []string{publisher, theBridge, operator, developer, system} {
		if err := makeUser(user); err != nil {
			return 1, err
		}
	}
	for name, file := range map[string]string{"NATS_TLS_CERT": "tls.crt", "NATS_TLS_KEY": "tls.key", "NATS_TLS_CA": "ca.crt"} {
		if err := os.Setenv(name, filepath.Join(files, file)); err != nil {
			return 1, err
		}
	}
	return m.Run(), nil
}

// makeUser writes a seed and puts the public key where accounts.conf looks.
func makeUser(user string) error {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return err
	}
	public, err := pair.PublicKey()
	if err != nil {
		return err
	}
	seed, err := pair.Seed()
	if err != nil {
		return err
	}
	if err := os.WriteFile(seedFile(user), seed, 0o600); err != nil {
		return err
	}
	return os.Setenv("NATS_USER_"+user, public)
}

func seedFile(user string) string { return filepath.Join(files, user+".nk") }
