package testbed

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// LittleStorage returns the file of a server's configuration whose one user may store
// no more than so much, such as 1MB.
func LittleStorage(t testing.TB, most string) string {
	t.Helper()
	return ConfigFile(t, `
accounts { APP { jetstream: { max_file: `+most+` }, users = [ {user: bridge, password: secret} ] } }
no_auth_user: bridge`)
}

// Fill publishes to a subject until the server has no room for anything more.
func Fill(t testing.TB, js jetstream.JetStream, subject string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	for size := 1 << 16; size > 0; {
		_, err := js.Publish(ctx, subject, make([]byte, size))
		if _, refused := errors.AsType[*jetstream.APIError](err); refused {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
