package host_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/seraihost/serai/host"
)

func TestCheckName(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._ -]{0,126}[A-Za-z0-9])?$`)
	names := []string{"", "a", "Z", "0", "9", "my service", "a.b-c_d 1", " a", "a ", "-a", "a.", "a/b", "é", "a\n", "a\x00b", strings.Repeat("x", 128), strings.Repeat("x", 129)}
	for c := range 256 {
		names = append(names, string([]byte{byte(c)}), "a"+string([]byte{byte(c)})+"b")
	}
	for _, name := range names {
		if err := host.CheckName("service", name); (err == nil) != shape.MatchString(name) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
