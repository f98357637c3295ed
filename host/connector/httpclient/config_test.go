package httpclient

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct{ config, field string }{
		"smallest":            {`{"base_url":"http://crm"}`, ""},
		"whole":               {`{"base_url":"https://CRM.example.com:8443/v1/{tenant}/x{id}y/","headers":{"X-A":"a ${secret:A b} c"},"query":{"k":"${secret:K}"},"auth":{"type":"basic","username":"u","password":"${secret:P}"},"timeout":"5s","retries":{"max":0,"backoff":"1ms"},"max_response_bytes":"1MiB","redirects":{"follow":false,"max":1,"allow_hosts":["login.example.com:8443"]},"tls":{"insecure_skip_verify":true}}`, ""},
		"bearer":              {`{"base_url":"http://crm","auth":{"type":"bearer","token":"${secret:T}"}}`, ""},
		"header":              {`{"base_url":"http://crm","auth":{"type":"header","header":"X-Key","value":"Token ${secret:T}"}}`, ""},
		"none":                {`{"base_url":"http://crm","auth":{"type":"none"}}`, ""},
		"empty":               {``, "config"},
		"not JSON":            {`{"base_url":`, "config"},
		"syntax":              {`{]`, "config"},
		"two values":          {`{"base_url":"http://crm"}{}`, "config"},
		"unknown":             {`{"base_url":"http://crm","bse":1}`, "config.bse"},
		"unknown in auth":     {`{"base_url":"http://crm","auth":{"user":"u"}}`, "config.auth.user"},
		"kind":                {`{"base_url":5}`, "config.base_url"},
		"nested kind":         {`{"base_url":"http://crm","redirects":{"max":"x"}}`, "config.redirects.max"},
		"no URL":              {`{}`, "config.base_url"},
		"scheme":              {`{"base_url":"ftp://crm"}`, "config.base_url"},
		"no host":             {`{"base_url":"http:///x"}`, "config.base_url"},
		"host placeholder":    {`{"base_url":"http://{h}/x"}`, "config.base_url"},
		"credentials":         {`{"base_url":"http://u:sesame@crm"}`, "config.base_url"},
		"bad URL":             {`{"base_url":"http://u:sesame@crm:x"}`, "config.base_url"},
		"query":               {`{"base_url":"http://crm/?a=b"}`, "config.base_url"},
		"fragment":            {`{"base_url":"http://crm/#a"}`, "config.base_url"},
		"dots":                {`{"base_url":"http://crm/a/%2e%2e/b"}`, "config.base_url"},
		"open brace":          {`{"base_url":"http://crm/{a"}`, "config.base_url"},
		"close brace":         {`{"base_url":"http://crm/a}"}`, "config.base_url"},
		"no placeholder name": {`{"base_url":"http://crm/{}"}`, "config.base_url"},
		"header name":         {`{"base_url":"http://crm","headers":{"a b":"c"}}`, `config.headers["a b"]`},
		"header value":        {`{"base_url":"http://crm","headers":{"a":"c\n"}}`, `config.headers["a"]`},
		"header twice":        {`{"base_url":"http://crm","headers":{"a":"c","A":"d"}}`, `config.headers["a"]`},
		"host header":         {`{"base_url":"http://crm","headers":{"host":"c"}}`, `config.headers["host"]`},
		"bad reference":       {`{"base_url":"http://crm","headers":{"a":"${env:X}"}}`, `config.headers["a"]`},
		"reference name":      {`{"base_url":"http://crm","query":{"a":"${secret:}"}}`, `config.query["a"]`},
		"auth type":           {`{"base_url":"http://crm","auth":{"type":"ntlm"}}`, "config.auth.type"},
		"clear password":      {`{"base_url":"http://crm","auth":{"type":"basic","username":"u","password":"sesame"}}`, "config.auth.password"},
		"no password":         {`{"base_url":"http://crm","auth":{"type":"basic","username":"u"}}`, "config.auth.password"},
		"user name":           {`{"base_url":"http://crm","auth":{"type":"basic","username":"u:v","password":"${secret:P}"}}`, "config.auth.username"},
		"clear token":         {`{"base_url":"http://crm","auth":{"type":"bearer","token":"sesame"}}`, "config.auth.token"},
		"auth header":         {`{"base_url":"http://crm","auth":{"type":"header","header":"Host","value":"${secret:P}"}}`, "config.auth.header"},
		"auth fields":         {`{"base_url":"http://crm","auth":{"type":"bearer","token":"${secret:T}","username":"u"}}`, "config.auth"},
		"auth twice":          {`{"base_url":"http://crm","headers":{"authorization":"x"},"auth":{"type":"bearer","token":"${secret:T}"}}`, "config.auth"},
		"timeout":             {`{"base_url":"http://crm","timeout":"soon"}`, "config.timeout"},
		"long timeout":        {`{"base_url":"http://crm","timeout":"11m"}`, "config.timeout"},
		"backoff":             {`{"base_url":"http://crm","retries":{"backoff":"1h"}}`, "config.retries.backoff"},
		"backoff kind":        {`{"base_url":"http://crm","retries":{"backoff":"x"}}`, "config.retries.backoff"},
		"retries":             {`{"base_url":"http://crm","retries":{"max":11}}`, "config.retries.max"},
		"size":                {`{"base_url":"http://crm","max_response_bytes":"1TiB"}`, "config.max_response_bytes"},
		"big size":            {`{"base_url":"http://crm","max_response_bytes":"1GiB"}`, "config.max_response_bytes"},
		"redirects":           {`{"base_url":"http://crm","redirects":{"max":-1}}`, "config.redirects.max"},
		"allowed host":        {`{"base_url":"http://crm","redirects":{"allow_hosts":["http://x"]}}`, "config.redirects.allow_hosts"},
		"certificates":        {`{"base_url":"http://crm","tls":{"ca_pem":"x"}}`, "config.tls.ca_pem"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Connector().Validate([]byte(c.config))
			if c.field == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var e *host.Error
			if !errors.As(err, &e) || e.Code != abi.Invalid || e.Field != c.field {
				t.Fatalf("error %#v, want one about %s", err, c.field)
			}
			if strings.Contains(err.Error(), "sesame") {
				t.Errorf("error shows a credential: %v", err)
			}
		})
	}
	if err := Connector().Validate([]byte(`{"base_url":"http://crm","ca":"` + strings.Repeat("x", 1<<20) + `"}`)); host.CodeOf(err) != abi.Invalid {
		t.Errorf("a huge configuration: %v", err)
	}
}

// opened returns a client with a configuration, without secrets.
func opened(config []byte) (*Client, error) {
	secret := func(string) (string, error) { return "s", nil }
	c, err := Connector().Open(context.Background(), config, secret, connector.Env{})
	if err != nil {
		return nil, err
	}
	client, _ := c.(*Client)
	return client, nil
}

func TestDefaults(t *testing.T) {
	c, err := opened([]byte(`{"base_url":"HTTPS://CRM.Example.com:443/a b/{x}/"}`))
	if err != nil {
		t.Fatal(err)
	}
	s := c.spec
	if s.scheme != "https" || s.host != "crm.example.com" || strings.Join(s.path, "|") != "a b|{x}|" {
		t.Errorf("base address %s %s %q", s.scheme, s.host, s.path)
	}
	if s.Timeout != 0 || s.Retries.Max != 2 || !s.Redirects.Follow || s.MaxResponseBytes != 16*host.MiB || s.Redirects.Max != 5 {
		t.Errorf("defaults %+v", s.Config)
	}
}

func FuzzValidate(f *testing.F) {
	f.Add([]byte(`{"base_url":"http://crm/{a}/b","auth":{"type":"basic","username":"u","password":"${secret:P}"}}`))
	f.Add([]byte(`{"base_url":"https://[::1]:443/%2e","query":{"a":"${secret:${secret:B}}"}}`))
	f.Fuzz(func(t *testing.T, config []byte) {
		c, err := opened(config)
		if err != nil {
			if host.CodeOf(err) != abi.Invalid {
				t.Errorf("code %s of %v", host.CodeOf(err), err)
			}
			return
		}
		if c.spec.host == "" || c.spec.MaxResponseBytes <= 0 {
			t.Errorf("accepted %q as %+v", config, c.spec)
		}
	})
}
