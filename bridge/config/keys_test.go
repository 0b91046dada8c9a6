package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// pki is a certificate authority of a test, with one certificate that serves
// both a server on 127.0.0.1 and a client. Its fields are paths of PEM files.
type pki struct {
	ca, cert, key string
}

func newPKI(t *testing.T) pki {
	t.Helper()
	dir := t.TempDir()
	p := pki{filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	caKey, leafKey := newECDSA(t), newECDSA(t)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "test"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	writePEM(t, p.ca, "CERTIFICATE", sign(t, ca, ca, caKey, caKey))
	writePEM(t, p.cert, "CERTIFICATE", sign(t, leaf, ca, leafKey, caKey))
	der, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, p.key, "PRIVATE KEY", der)
	return p
}

// serverTLS demands a certificate of the clients.
func (p pki) serverTLS(t *testing.T) *tls.Config {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	content, err := os.ReadFile(p.ca)
	if err != nil || !pool.AppendCertsFromPEM(content) {
		t.Fatal("read CA", err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12,
	}
}

func newECDSA(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t *testing.T, cert, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// newNKey returns the file of a user's seed, and the user's public key.
func newNKey(t *testing.T) (path, public string) {
	t.Helper()
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, public := seedOf(t, user)
	return file(t, seed), public
}

// account is an operator with one account and one user in it.
type account struct {
	operator *jwt.OperatorClaims
	// public is the account's key, token its JWT.
	public, token string
	// creds is the path of the user's credentials.
	creds string
}

func newAccount(t *testing.T) account {
	t.Helper()
	operator, err1 := nkeys.CreateOperator()
	acc, err2 := nkeys.CreateAccount()
	user, err3 := nkeys.CreateUser()
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	_, operatorPublic := seedOf(t, operator)
	_, accountPublic := seedOf(t, acc)
	userSeed, userPublic := seedOf(t, user)

	token := encode(t, jwt.NewAccountClaims(accountPublic), operator)
	creds, err := jwt.FormatUserConfig(encode(t, jwt.NewUserClaims(userPublic), acc), []byte(userSeed))
	if err != nil {
		t.Fatal(err)
	}
	claims, err := jwt.DecodeOperatorClaims(encode(t, jwt.NewOperatorClaims(operatorPublic), operator))
	if err != nil {
		t.Fatal(err)
	}
	return account{claims, accountPublic, token, file(t, string(creds))}
}

func seedOf(t *testing.T, pair nkeys.KeyPair) (seed, public string) {
	t.Helper()
	s, err1 := pair.Seed()
	public, err2 := pair.PublicKey()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return string(s), public
}

func encode(t *testing.T, claims jwt.Claims, by nkeys.KeyPair) string {
	t.Helper()
	token, err := claims.Encode(by)
	if err != nil {
		t.Fatal(err)
	}
	return token
}
