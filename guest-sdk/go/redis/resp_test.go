package redis_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/guest-sdk/go/redis"
)

func TestCommand(t *testing.T) {
	t.Parallel()
	if got := string(redis.Command("SET", "k", "")); got != "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n" {
		t.Errorf("%q", got)
	}
}

func TestReplies(t *testing.T) {
	t.Parallel()
	got, err := redis.Replies([]byte("+OK\r\n:-7\r\n$4\r\na\r\nb\r\n$-1\r\n*-1\r\n-ERR no\r\n*2\r\n:1\r\n*1\r\n$0\r\n\r\n*0\r\n"))
	want := []any{"OK", int64(-7), "a\r\nb", nil, nil, redis.Error("ERR no"), []any{int64(1), []any{""}}, []any{}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if e, ok := got[5].(error); !ok || e.Error() != "ERR no" {
		t.Errorf("a refusal is %v", got[5])
	}
	for _, bad := range []string{"+", "\r\n", "?x\r\n", ":x\r\n", "$-2\r\n", "$5\r\nab\r\n", "$2\r\nabcd", "*9223372036854775807\r\n:1\r\n", "*1\r\n", strings.Repeat("*1\r\n", 100) + ":1\r\n"} {
		if got, err := redis.Replies([]byte(bad)); err == nil {
			t.Errorf("%q gives %v", bad, got)
		}
	}
}
