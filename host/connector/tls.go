package connector

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"github.com/seraihost/serai/host"
)

// TLS is how a connection is encrypted. Embed it as `json:"tls"`.
type TLS struct {
	Mode       string `json:"mode" default:"off" enum:"off,on,insecure" doc:"off, on, or insecure, which accepts any certificate"`
	CA         string `json:"ca_pem" doc:"certificates to trust instead of the system's, PEM"`
	Cert       string `json:"cert_pem" doc:"the client's own certificate, PEM"`
	Key        string `json:"key_pem" secret:"true" doc:"the key of cert_pem, PEM"`
	ServerName string `json:"server_name" doc:"name in the server's certificate, if it is not the host's"`
}

// Check refuses settings that cannot be right, as a connector's own check
// does. The key may be a reference to a secret still, and is not looked into.
func (t TLS) Check() error {
	given := []struct{ name, value string }{{"ca_pem", t.CA}, {"cert_pem", t.Cert}, {"key_pem", t.Key}, {"server_name", t.ServerName}}
	if t.Mode == "off" || t.Mode == "" {
		for _, g := range given {
			if g.value != "" {
				return host.FieldErrorf("tls.mode", "config.tls.mode is off, so that config.tls.%s would do nothing: use on, or leave it out", g.name)
			}
		}
		return nil
	}
	if (t.Cert == "") != (t.Key == "") {
		return host.FieldErrorf("tls.cert_pem", "config.tls.cert_pem and key_pem go together: give both or none")
	}
	for _, g := range given[:2] {
		if g.value == "" || x509.NewCertPool().AppendCertsFromPEM([]byte(g.value)) {
			continue
		}
		field := "tls." + g.name
		if !strings.Contains(g.value, "-----BEGIN ") {
			return host.FieldErrorf(field, "config.%s is the text of a certificate, which begins with -----BEGIN CERTIFICATE-----, and not the name of a file", field)
		}
		return host.FieldErrorf(field, "config.%s holds no certificate in PEM form: it has a part from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----", field)
	}
	return nil
}

// Config returns the settings for a server, nil if TLS is off. Errors name
// the field below "tls".
func (t TLS) Config(serverName string) (*tls.Config, error) {
	if t.Mode == "off" || t.Mode == "" {
		return nil, nil
	}
	if t.ServerName != "" {
		serverName = t.ServerName
	}
	c := &tls.Config{ServerName: serverName, MinVersion: tls.VersionTLS12, InsecureSkipVerify: t.Mode == "insecure"} //nolint:gosec // the operator's explicit choice
	if t.CA != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(t.CA)) {
			return nil, host.FieldErrorf("config.tls.ca_pem", "config.tls.ca_pem holds no certificate in PEM form")
		}
	}
	if (t.Cert == "") != (t.Key == "") {
		return nil, host.FieldErrorf("config.tls.cert_pem", "config.tls.cert_pem and key_pem go together")
	}
	if t.Cert != "" {
		pair, err := tls.X509KeyPair([]byte(t.Cert), []byte(t.Key))
		if err != nil { // the error does not quote the key
			return nil, host.FieldErrorf("config.tls.cert_pem", "config.tls.cert_pem and key_pem are no pair in PEM form")
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// Untrusted reports whether an error says that one side does not take the
// other's certificate. Another attempt does not change that, so it is a
// refusal, and no connection that is lost.
func Untrusted(err error) bool {
	if _, here := errors.AsType[*tls.CertificateVerificationError](err); here {
		return true
	}
	// The alert of RFC 8446, section 6.2, that the other side has sent; its
	// type is the library's own.
	alert, there := errors.AsType[*net.OpError](err)
	return there && alert.Op == "remote error" && strings.Contains(alert.Err.Error(), "certificate")
}
