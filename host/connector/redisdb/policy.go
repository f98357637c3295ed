package redisdb

import (
	"maps"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Why commands are refused.
const (
	ofConnection = "it changes the connection, which other calls use too"
	ofServer     = "it administers the server"
	ofElsewhere  = "it reaches other databases or servers"
)

// refused are the commands that services may not send.
var refused = merge(
	refuse(ofConnection, "auth select hello reset quit client readonly readwrite asking sync psync replconf "+
		"subscribe unsubscribe psubscribe punsubscribe ssubscribe sunsubscribe monitor"),
	refuse("a transaction is the field transaction", "multi exec discard"),
	refuse("use redis.watch", "watch unwatch"),
	refuse(ofServer, "shutdown debug config replicaof slaveof failover cluster save bgsave bgrewriteaof acl module latency slowlog "+
		"restore-asking pfdebug pfselftest"),
	refuse(ofElsewhere, "move swapdb flushall migrate"),
)

func refuse(why, names string) map[string]string {
	out := make(map[string]string)
	for name := range strings.FieldsSeq(names) {
		out[name] = why
	}
	return out
}

func merge(all ...map[string]string) map[string]string {
	out := make(map[string]string)
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}

// reading are the commands that are repeated when a connection is lost.
var reading = refuse("", "get mget exists ttl pttl expiretime pexpiretime type strlen getrange substr getbit bitcount bitpos "+
	"hget hmget hgetall hexists hkeys hvals hlen hstrlen hscan hrandfield lrange llen lindex lpos "+
	"smembers sismember smismember scard srandmember sinter sintercard sunion sdiff sscan "+
	"zscore zmscore zcard zcount zlexcount zrank zrevrank zrange zrevrange zrangebyscore zrevrangebyscore zrangebylex zrevrangebylex "+
	"zscan zrandmember zunion zinter zdiff scan keys randomkey dbsize xrange xrevrange xlen xinfo xpending ping echo time "+
	"eval_ro evalsha_ro fcall_ro geopos geodist geohash geosearch pfcount info object memory dump")

// waiting are the commands that wait for something to happen.
var waiting = refuse("", "blpop brpop blmove brpoplpush blmpop bzpopmin bzpopmax bzmpop wait waitaof")

// judge refuses commands, and says what else matters of them: whether one may
// wait, and whether all of them only read.
func judge(commands [][]string) (waits, reads bool, err error) {
	reads = true
	for _, c := range commands {
		name := strings.ToLower(c[0])
		if why := refusal(name, c); why != "" {
			return false, false, host.Errorf(abi.Denied, "the command %s is refused: %s", strings.ToUpper(host.Clip(name)), why)
		}
		if _, ok := reading[name]; !ok {
			reads = false
		}
		_, is := waiting[name]
		waits = waits || is || (name == "xread" || name == "xreadgroup") && hasBlock(c)
	}
	return waits, reads, nil
}

func refusal(name string, c []string) string {
	if why := refused[name]; why != "" {
		return why
	}
	switch {
	case name == "script" && len(c) > 1 && !anyFold(c[1], "LOAD", "EXISTS", "FLUSH"):
		return ofConnection
	case name == "copy":
		for _, w := range c[min(len(c), 3):] {
			if strings.EqualFold(w, "DB") {
				return ofElsewhere
			}
		}
	}
	return ""
}

// hasBlock reports whether XREAD or XREADGROUP waits for new entries.
func hasBlock(c []string) bool {
	for _, w := range c[1:] {
		switch {
		case strings.EqualFold(w, "BLOCK"):
			return true
		case strings.EqualFold(w, "STREAMS"):
			return false
		}
	}
	return false
}

func anyFold(s string, of ...string) bool {
	for _, o := range of {
		if strings.EqualFold(s, o) {
			return true
		}
	}
	return false
}
