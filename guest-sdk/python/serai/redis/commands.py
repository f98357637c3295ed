"""All commands, of the store and of its pipelines."""

from typing import TYPE_CHECKING

from serai.redis.errors import NotInStore
from serai.redis.hashes import Hashes
from serai.redis.keys import Keys
from serai.redis.lists import Lists
from serai.redis.sets import Sets
from serai.redis.strings import Strings
from serai.redis.zsets import SortedSets


def _all(instead, names):
    return dict.fromkeys(names.split(), instead)


#: What is not there, by the begin of its name, and what to do instead.
REFUSED = (
    _all("write it in Python and run it with transaction()", "eval fcall script register_script function")
    | _all("use self.invoke_async to have a service called, or a list with rpush and blpop", "publish pubsub subscribe psubscribe monitor")
    | _all(
        "keep a list, a hash or a sorted set",
        "xadd xread xlen xrange xrev xdel xgroup xack xtrim xinfo xpending xclaim xauto geo pf bf cf ft json ts bitop bitpos bitfield",
    )
    | _all(
        "it is about a Redis server, and the tenant's key/value store is none",
        "client config cluster info save bgsave bgrewriteaof shutdown slowlog memory object debug acl execute_command connection "
        "dump restore migrate module latency replicaof slaveof select swapdb wait lastsave role command move",
    )
    | _all("read the values and use sorted()", "sort zrangebylex zlexcount zremrangebylex")
)


class Commands(Strings, Keys, Hashes, Lists, Sets, SortedSets):
    """The commands of redis-py, as methods with its names and arguments."""

    if not TYPE_CHECKING:  # or checkers would believe that it has everything

        def __getattr__(self, name):
            if not name.startswith("_"):
                for prefix, instead in REFUSED.items():
                    if name.startswith(prefix):
                        return _refusal(name, instead)
            raise AttributeError(f"{type(self).__name__} has no command {name!r}")


def _refusal(name, instead):
    def refuse(*args, **kwargs):
        raise NotInStore(f"self.kvdb.conn.{name}: the tenant's key/value store does not have this command; {instead}")

    return refuse
