package connector

import (
	"strings"
	"testing"

	"github.com/seraihost/serai/host"
)

func TestCheckHost(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"db.example.com": "", "db_1": "", "192.0.2.1": "", "2001:db8::1": "", "fe80::1%eth0": "", "bücher.example": "", strings.Repeat("a", 253): "",
		"db.example.com:5432":                 "and the port as config.port",
		"postgres://db.example":               "is a URL",
		"[2001:db8::1]":                       "is no name or address",
		"[2001:db8::1]:5432":                  "is no name or address",
		"db.example.com/billing":              "is no name or address",
		"user@db.example.com":                 "is no name or address",
		"a b":                                 "is no name or address",
		"a,b":                                 "is no name or address",
		"a\x00b":                              "is no name or address",
		strings.Repeat("a", 254):              "is no name or address",
		"db.example.com:postgres":             "is no name or address",
		"db.example.com:99999999999999999999": "is no name or address",
	} {
		err := CheckHost("host", value)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(host.MessageOf(err), want) {
			t.Errorf("%q: %v, want %q", value, err, want)
		}
	}
}

func TestTLSCheck(t *testing.T) {
	t.Parallel()
	const garbled = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----"
	for want, v := range map[string]TLS{
		"": {}, "config.tls.mode is off, so that config.tls.ca_pem": {Mode: "off", CA: "x"}, "so that config.tls.server_name": {ServerName: "x"},
		"config.tls.cert_pem and key_pem go together":      {Mode: "on", Key: "${secret:key}"},
		"config.tls.ca_pem is the text of a certificate":   {Mode: "on", CA: "/etc/ssl/ca.pem"},
		"config.tls.ca_pem holds no certificate":           {Mode: "on", CA: garbled},
		"config.tls.cert_pem holds no certificate":         {Mode: "insecure", Cert: garbled, Key: "${secret:key}"},
		"config.tls.cert_pem is the text of a certificate": {Mode: "on", Cert: "client.pem", Key: "${secret:key}"},
	} {
		err := v.Check()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(host.MessageOf(err), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
