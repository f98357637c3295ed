package catalog

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
)

func TestVersionsOrder(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a"), t.Context()
	for _, n := range []int{1, 2, 3, 1} { // the last one is a rollback
		ok(t, c.Activate(ctx, version("a", "s", n)))
	}
	ok(t, c.Activate(ctx, version("a", "s2", 4)))
	versions, err := c.Versions(ctx, "a", "s")
	ok(t, err)
	var got []string
	for _, v := range versions {
		got = append(got, v.Digest)
	}
	if diff := cmp.Diff([]string{digest(1), digest(3), digest(2)}, got); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
	previous, err := c.Previous(ctx, "a", "s")
	if err != nil || previous.Digest != digest(3) {
		t.Errorf("Previous = %s, %v", previous.Digest, err)
	}
	_, err = c.Previous(ctx, "a", "s2")
	want(t, err, abi.Conflict, "")
	_, err = c.Previous(ctx, "a", "s3")
	want(t, err, abi.NotFound, "")
}

func TestVersionByPart(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a"), t.Context()
	one, two := version("a", "s", 1), version("a", "s", 2)
	one.Digest = "sha256:" + "abcd1" + strings.Repeat("0", 59)
	two.Digest = "sha256:" + "abcd2" + strings.Repeat("0", 59)
	ok(t, c.Activate(ctx, one))
	ok(t, c.Activate(ctx, two))
	for part, digest := range map[string]string{
		"": two.Digest, "abcd1": one.Digest, "sha256:abcd1": one.Digest, one.Digest: one.Digest, two.Digest[7:]: two.Digest,
	} {
		v, err := c.Version(ctx, "a", "s", part)
		if err != nil || v.Digest != digest {
			t.Errorf("Version(%q) = %s, %v", part, v.Digest, err)
		}
	}
	for _, part := range []string{"abcd", "sha256:abcd", "abc", "sha256:", "ABCD1", "abcg", "\x00", one.Digest + "0", strings.Repeat("a", 1000)} {
		_, err := c.Version(ctx, "a", "s", part)
		want(t, err, abi.Invalid, "version")
	}
	_, err := c.Version(ctx, "a", "s", "beef")
	want(t, err, abi.NotFound, "")
	_, err = c.Version(ctx, "a", "none", "")
	want(t, err, abi.NotFound, "")
}

func TestDigests(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a", "b"), t.Context()
	ok(t, c.Activate(ctx, version("a", "s", 1)))
	ok(t, c.Activate(ctx, version("a", "s", 2)))
	v := version("b", "s", 1) // the same source as of the other tenant
	v.Image = ""
	ok(t, c.Activate(ctx, v))
	got, err := c.Digests(ctx)
	ok(t, err)
	if diff := cmp.Diff([]string{digest(1001), digest(1002), digest(2001), digest(2002), digest(9999)}, got); diff != "" {
		t.Errorf("digests (-want +got):\n%s", diff)
	}
	ok(t, c.DeleteTenant(ctx, "a"))
	got, err = c.Digests(ctx)
	ok(t, err)
	if diff := cmp.Diff([]string{digest(1001), digest(9999)}, got); diff != "" {
		t.Errorf("digests (-want +got):\n%s", diff)
	}
}
