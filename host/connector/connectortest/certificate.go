package connectortest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// certificate returns a certificate for localhost that signs itself, and
// others, and its key, both PEM.
func certificate(t testing.TB) (cert, key string) {
	t.Helper()
	about := about("localhost", x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth) // which hold for what it signs
	about.DNSNames, about.IsCA = []string{"localhost"}, true
	about.KeyUsage |= x509.KeyUsageCertSign
	private := newKey(t)
	return sign(t, about, about, private, private)
}

// ClientCertificate returns a certificate for who has a name, signed by an
// authority, and its key, all PEM.
func ClientCertificate(t testing.TB, caCert, caKey, name string) (cert, key string) {
	t.Helper()
	ca, err := tls.X509KeyPair([]byte(caCert), []byte(caKey))
	if err != nil {
		t.Fatal(err)
	}
	signer, ok := ca.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		t.Fatal("the authority has another kind of key")
	}
	return sign(t, about(name, x509.ExtKeyUsageClientAuth), ca.Leaf, newKey(t), signer)
}

func about(name string, usage ...x509.ExtKeyUsage) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true, ExtKeyUsage: usage,
	}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func sign(t testing.TB, about, by *x509.Certificate, private, signer *ecdsa.PrivateKey) (cert, key string) {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, about, by, &private.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", raw)
}
