package config_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/config"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestImportZato compares what enmasse files become with golden files: the
// document, the values of its variables, and the notes.
func TestImportZato(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/zato-*.in")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		in, err := config.ImportZato("enmasse.yaml", content)
		if err != nil {
			t.Fatal(err)
		}
		text, err := config.Render(in.Document)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := config.Parse("serai.yaml", text, func(name string) (string, bool) { v, ok := in.Values[name]; return v, ok }); err != nil {
			t.Errorf("%s: what was imported is not read: %v", file, err)
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%s---\nvalues %v\nservices %v\n", text, in.Values, in.Services)
		for _, n := range in.Notes {
			fmt.Fprintf(&b, "%d: %s: %s\n", n.Line, n.Object, n.Message)
		}
		golden := strings.TrimSuffix(file, ".in") + ".golden"
		if *update {
			if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("%s:\n%s", file, diff)
		}
	}
}

// TestImportZatoNotesWhatItLeaves imports an object of every other section.
func TestImportZatoNotesWhatItLeaves(t *testing.T) {
	t.Parallel()
	sections := strings.FieldsSeq(`outconn_sql outconn_amqp def_amqp channel_amqp scheduler pubsub_topic pubsub_endpoint
		pubsub_subscription zato_cache_builtin zato_generic_connection rbac_role rbac_client_role rbac_role_permission
		quota_tier channel_soap channel_as4 ldap llm odata sap sql mongodb outgoing_soap outgoing_as2 outgoing_as4
		microsoft_365 slack confluence jira salesforce channel_ibm_mq outgoing_ibm_mq channel_amqp outgoing_amqp
		outgoing_azure_service_bus channel_kafka outgoing_kafka mcp_gateway rule_engine_api outgoing_graphql
		outgoing_grpc channel_mllp outgoing_mllp outgoing_fhir email_imap email_smtp odoo elastic_search sftp smb ftp
		pubsub_permission channel_openapi alert_rules alert_notifications audit_retention audit_extraction`)
	for section := range sections {
		in, err := config.ImportZato("f", []byte(section+":\n- {name: It, host: x}\n"))
		if err != nil {
			t.Errorf("%s: %v", section, err)
			continue
		}
		if len(in.Notes) != 1 || in.Notes[0].Line != 2 || !strings.Contains(in.Notes[0].Object, section) || in.Notes[0].Message == "" {
			t.Errorf("%s: notes are %+v", section, in.Notes)
		}
	}
}

func TestImportZatoNeverOpensAChannel(t *testing.T) {
	t.Parallel()
	const channel = "channel_rest:\n- {name: C, service: s, url_path: /c, security: Door%s}\n"
	for name, text := range map[string]string{
		"a definition of another kind":   "security:\n- {name: Door, type: jwt}\n" + fmt.Sprintf(channel, ""),
		"a definition that is not there": fmt.Sprintf(channel, ""),
		"a group that is not there":      fmt.Sprintf(channel, ", groups: [Nobody]"),
		"a group of another kind":        "security:\n- {name: Door, type: basic_auth, username: u}\n- {name: J, type: jwt}\ngroups:\n- {name: G, members: [J]}\n" + fmt.Sprintf(channel, ", groups: [G]"),
	} {
		in, err := config.ImportZato("f", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if len(in.Document.Channels) != 0 || len(in.Notes) == 0 {
			t.Errorf("%s: %+v", name, in)
		}
	}
}

// TestImportZatoKeepsAll has objects whose names differ less here, or not at all.
func TestImportZatoKeepsAll(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 128)
	text := "sql:\n"
	for _, name := range []string{"A/B", "A.B", "A B", "Ж", "Ю", long, long + "y", long + "z"} {
		text += fmt.Sprintf("- {name: %q, type: mysql, host: h, db_name: d, username: u, password: %q}\n", name, "of "+name)
	}
	in, err := config.ImportZato("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]bool{}
	for name, c := range in.Document.Connections {
		if err := host.CheckName("name", name); err != nil {
			t.Error(err)
		}
		var settings struct{ Password string }
		if err := json.Unmarshal(c.Config, &settings); err != nil {
			t.Fatal(err)
		}
		secret := strings.TrimSuffix(strings.TrimPrefix(settings.Password, "${secret:"), "}")
		values[in.Values[in.Document.Secrets[secret].Variable]] = true
	}
	if len(in.Document.Connections) != 8 || len(values) != 8 {
		t.Errorf("%d connections with %d passwords, want 8 of both: %v", len(in.Document.Connections), len(values), in.Values)
	}
}

func TestImportZatoRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"nothing": "", "a list": "- a\n", "no YAML": "a: [\n", "text": "hello"} {
		if _, err := config.ImportZato("f", []byte(text)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func FuzzImportZato(f *testing.F) {
	files, _ := filepath.Glob("testdata/zato-*.in")
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(content))
	}
	f.Add("channel_rest: [x, [y], {name: [z]}]\nsecurity: 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		in, err := config.ImportZato("f", []byte(text))
		if err != nil {
			return
		}
		if _, err := config.Render(in.Document); err != nil {
			t.Error(err)
		}
	})
}
