package webhook

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// roots trusts the server's certificate.
func roots(s *httptest.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}

// newCertificate signs one for 127.0.0.1 that is valid until then.
func newCertificate(t *testing.T, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "hook.test"},
		NotBefore: until.Add(-24 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestTLS tells what has to be mended from what may pass.
func TestTLS(t *testing.T) {
	for _, row := range []struct {
		name   string
		server func(*httptest.Server)
		trust  bool
		host   string
		class  bridge.Class
		detail string
	}{
		{name: "good", trust: true, class: bridge.ClassDelivered, detail: "HTTP 200 OK"},
		{name: "unknown authority", class: bridge.ClassMisconfigured, detail: "tls: certificate signed by unknown authority"},
		{name: "other host", trust: true, host: "localhost", class: bridge.ClassMisconfigured, detail: "tls: certificate is valid for"},
		{
			name: "expired", trust: true, class: bridge.ClassMisconfigured, detail: "tls: certificate has expired",
			server: func(s *httptest.Server) {
				s.TLS = &tls.Config{Certificates: []tls.Certificate{newCertificate(t, time.Now().Add(-time.Hour))}}
			},
		},
		{
			name: "old version", trust: true, class: bridge.ClassFailed, detail: "remote error: tls: protocol version not supported",
			server: func(s *httptest.Server) {
				s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
			},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			if row.server != nil {
				row.server(s)
			}
			s.StartTLS()
			t.Cleanup(s.Close)
			config := Config{RootCAs: x509.NewCertPool()}
			if row.trust {
				config.RootCAs = roots(s)
			}
			address := s.URL
			if row.host != "" {
				address = strings.Replace(address, "127.0.0.1", row.host, 1)
			}
			a := newClient(t, config).Deliver(t.Context(), newEvent(t, address+"/abcdef"), goOn)
			if a.Class != row.class || !strings.HasPrefix(a.Detail, row.detail) {
				t.Errorf("answer %+v, want %v: %s", a, row.class, row.detail)
			}
		})
	}
}

// TestPlainHTTPBehindTLSAddress is no certificate error.
func TestPlainHTTPBehindTLSAddress(t *testing.T) {
	s, _ := newServer(t, func(http.ResponseWriter, *http.Request) {})
	address := strings.Replace(s.URL, "http://", "https://", 1)
	a := newClient(t, Config{}).Deliver(t.Context(), newEvent(t, address+"/abcdef"), goOn)
	if a.Class != bridge.ClassFailed || !strings.HasPrefix(a.Detail, "tls: ") {
		t.Errorf("answer %+v, want a tls failure", a)
	}
}
