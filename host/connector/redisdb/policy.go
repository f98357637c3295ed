package redisdb

import (
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

// rule is what matters of a command.
type rule struct {
	refused string // why services may not send it
	reads   bool   // it is repeated when a connection is lost
	waits   bool   // for something to happen
	depends bool   // more is to be said about its words
}

// rules of commands, by their names in lower case.
var rules = func() map[string]rule {
	all := make(map[string]rule)
	add := func(names string, change func(*rule)) {
		for name := range strings.FieldsSeq(names) {
			r := all[name]
			change(&r)
			all[name] = r
		}
	}
	refuse := func(why, names string) { add(names, func(r *rule) { r.refused = why }) }
	refuse(ofConnection, "auth select hello reset quit client readonly readwrite asking sync psync replconf "+
		"subscribe unsubscribe psubscribe punsubscribe ssubscribe sunsubscribe monitor")
	refuse("a transaction is the field transaction", "multi exec discard")
	refuse("use redis.watch", "watch unwatch")
	refuse(ofServer, "shutdown debug config replicaof slaveof failover cluster save bgsave bgrewriteaof acl module latency slowlog "+
		"restore-asking pfdebug pfselftest")
	refuse(ofElsewhere, "move swapdb flushall migrate")
	add("get mget exists ttl pttl expiretime pexpiretime type strlen getrange substr getbit bitcount bitpos "+
		"hget hmget hgetall hexists hkeys hvals hlen hstrlen hscan hrandfield lrange llen lindex lpos "+
		"smembers sismember smismember scard srandmember sinter sintercard sunion sdiff sscan "+
		"zscore zmscore zcard zcount zlexcount zrank zrevrank zrange zrevrange zrangebyscore zrevrangebyscore zrangebylex zrevrangebylex "+
		"zscan zrandmember zunion zinter zdiff scan keys randomkey dbsize xrange xrevrange xlen xinfo xpending ping echo time "+
		"eval_ro evalsha_ro fcall_ro geopos geodist geohash geosearch pfcount info object memory dump",
		func(r *rule) { r.reads = true })
	add("blpop brpop blmove brpoplpush blmpop bzpopmin bzpopmax bzmpop wait waitaof", func(r *rule) { r.waits = true })
	add("script copy xread xreadgroup", func(r *rule) { r.depends = true })
	return all
}()

// ruleOf returns the rule of a command, and its name in lower case if the rule
// depends on its words.
func ruleOf(command string) (rule, string) {
	var lower [24]byte // no command with a rule has a longer name
	if len(command) > len(lower) {
		return rule{}, ""
	}
	for i := range len(command) {
		c := command[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	r := rules[string(lower[:len(command)])]
	if !r.depends {
		return r, ""
	}
	return r, string(lower[:len(command)])
}

// judge refuses commands, and says what else matters of them: whether one may
// wait, and whether all of them only read.
func judge(commands [][]string) (waits, reads bool, err error) {
	reads = true
	for _, c := range commands {
		r, name := ruleOf(c[0])
		switch {
		case name == "script" && len(c) > 1 && !anyFold(c[1], "LOAD", "EXISTS", "FLUSH"):
			r.refused = ofConnection
		case name == "copy" && hasDB(c):
			r.refused = ofElsewhere
		case name == "xread" || name == "xreadgroup":
			r.waits = hasBlock(c)
		}
		if r.refused != "" {
			return false, false, host.Errorf(abi.Denied, "the command %s is refused: %s", strings.ToUpper(host.Clip(c[0])), r.refused)
		}
		reads = reads && r.reads
		waits = waits || r.waits
	}
	return waits, reads, nil
}

// hasDB reports whether COPY names another database.
func hasDB(c []string) bool {
	for _, w := range c[min(len(c), 3):] {
		if strings.EqualFold(w, "DB") {
			return true
		}
	}
	return false
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
