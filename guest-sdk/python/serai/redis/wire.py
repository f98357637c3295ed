"""The commands of :mod:`serai.redis.commands` in the words of Redis, and what
redis-py makes of the replies."""

import datetime
import functools

from serai.redis import errors
from serai.redis.errors import DataError, ResponseError
from serai.redis.transaction import number, text

#: What a reply begins with that has no value.
_NONE = -1


def raw(value):
    """The bytes of a word."""
    if type(value) is str:
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, bool) or value is None:
        raise DataError(f"a key or value is str, bytes or a number, not {type(value).__name__}: encode it first, such as with json.dumps")
    if isinstance(value, float):
        return number(value).encode()
    return text(value).encode("utf-8", "surrogateescape")


def request(commands):
    """The body of redis.commands for lists of words."""
    return b"".join([one_request(words) for words in commands])


def one_request(words):
    """The body of redis.commands for the words of one command."""
    out = f"*{len(words)}\r\n"
    for word in words:
        if type(word) is int:
            word = str(word)
        elif type(word) is not str or not word.isascii():
            break
        out += f"${len(word)}\r\n{word}\r\n"
    else:
        return out.encode()
    parts = [b"*%d\r\n" % len(words)]
    for word in map(raw, words):
        parts.append(b"$%d\r\n%b\r\n" % (len(word), word))
    return b"".join(parts)


def one_reply(body, decode):
    """The reply in the body of redis.commands for one command; an error is raised."""
    if body[0] == 0x24 and body[1] != 0x2D:  # $, and not -1
        value = body[body.index(b"\n") + 1 : -2]
        return value.decode("utf-8", "surrogateescape") if decode else value
    value, _ = _reply(body, 0, decode)
    if isinstance(value, Exception):
        raise value
    return value


def replies(body, decode):
    """The replies in the body of redis.commands. Errors are among them."""
    out, at = [], 0
    while at < len(body):
        value, at = _reply(body, at, decode)
        out.append(value)
    return out


def _reply(body, at, decode):
    end = body.index(b"\r\n", at)
    kind, line, at = body[at], body[at + 1 : end], end + 2
    if kind == 0x24:  # $
        size = int(line)
        if size == _NONE:
            return None, at
        value = body[at : at + size]
        return (value.decode("utf-8", "surrogateescape") if decode else value), at + size + 2
    if kind == 0x3A:  # :
        return int(line), at
    if kind == 0x2D:  # -
        return error(line.decode("utf-8", "replace")), at
    if kind != 0x2A:
        raise errors.InvalidResponse(f"a reply begins with {chr(kind)!r}")
    out = []
    for _ in range(int(line)):
        value, at = _reply(body, at, decode)
        out.append(value)
    return out, at


_ERRORS = {
    "ERR": ResponseError, "NOSCRIPT": errors.NoScriptError, "NOPERM": errors.NoPermissionError, "READONLY": errors.ReadOnlyError,
    "EXECABORT": errors.ExecAbortError, "LOADING": errors.BusyLoadingError, "NOAUTH": errors.AuthenticationError,
}


def error(line):
    """The exception of redis-py for an error of the server."""
    code, _, rest = line.partition(" ")
    return _ERRORS[code](rest) if code in _ERRORS else ResponseError(line)


def words(function, args, kwargs):
    """The words of a command that is described by its method, and what makes
    its reply of the server's."""
    method = _method(function)
    if len(args) == method.direct and not kwargs:
        for value in args:
            if type(value) not in _WORDS:
                break
        else:
            return (method.command, *args), method.direct_reply
    a = method.bind(args, kwargs)
    if method.special is not None:
        return method.special(a)
    out = [method.command]
    for one in method.names:
        value = a[one]
        if type(value) is str:
            out.append(value)
        else:
            out += (value,) if value is None and one not in method.optional else flat(value)
    return out, method.reply


#: Types of arguments that are words as they are.
_WORDS = frozenset((str, bytes, int))


class _Method:
    """What is known of a command's method before it is called."""

    __slots__ = ("command", "defaults", "direct", "direct_reply", "names", "optional", "parameters", "reply", "special", "title", "variadic")

    def __init__(self, function):
        code, defaults = function.__code__, function.__defaults__ or ()
        self.title = function.__name__
        #: Whether it takes more arguments, and more keywords.
        self.variadic = code.co_flags & 0x04, code.co_flags & 0x08
        self.parameters = code.co_varnames[1 : code.co_argcount]
        self.defaults = dict(zip(reversed(self.parameters), reversed(defaults)))
        self.optional = frozenset(code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount])
        self.special = SPECIAL.get(self.title)
        self.command, *self.names = PLAIN.get(self.title, self.title).split()
        self.reply = REPLY.get(self.title)
        #: How many arguments the method has when they are the command's words.
        self.direct, self.direct_reply = (-1, None) if self.special else (len(self.names), self.reply)
        if self.title in DIRECT:
            self.command, self.direct, self.direct_reply = DIRECT[self.title]
        elif tuple(self.names) != self.parameters:
            self.direct = -1

    def bind(self, args, kwargs):
        """The arguments of a call by their names; those beyond under "*"."""
        names = self.parameters
        if len(args) > len(names) and not self.variadic[0]:
            raise TypeError(f"{self.title}() takes {len(names)} arguments, not {len(args)}")
        a = self.defaults.copy()
        a.update(zip(names, args))
        for name, value in kwargs.items():
            if name in names[: len(args)] or (name not in names and not self.variadic[1]):
                raise TypeError(f"{self.title}() got an unexpected argument {name!r}")
            a[name] = value
        if len(args) < len(names) - len(self.defaults):
            for name in names:
                if name not in a:
                    raise TypeError(f"{self.title}() needs the argument {name!r}")
        a["*"] = args[len(names) :]
        return a


_method = functools.cache(_Method)


def flat(value):
    """The words that an argument is: none, one or several."""
    if value is None:
        return ()
    if isinstance(value, (list, tuple, set, frozenset)) or hasattr(value, "keys"):
        return list(value)
    if isinstance(value, datetime.timedelta):
        return (int(value.total_seconds()),)
    if isinstance(value, datetime.datetime):
        return (int(value.timestamp()),)
    return (value,)


def _pairs(mapping):
    return [part for pair in mapping.items() for part in pair]


def _flags(a, *names):
    return [name.upper() for name in names if a[name]]


# --- Replies ------------------------------------------------------------------


def ok(value):
    """True for OK."""
    return value in ("OK", b"OK")


def _done(value):
    return None if value is None else ok(value)


def real(value):
    """A float, or None."""
    return None if value is None else float(value)


def _dict(value):
    return dict(zip(value[::2], value[1::2]))


def _tuple(value):
    return None if value is None else tuple(value)


def pairs(value, cast=float):
    """Pairs of member and score of a flat list."""
    return [(m, cast(s)) for m, s in zip(value[::2], value[1::2])]


def _popped(value):
    return None if value is None else (value[0], value[1], float(value[2]))


def _cursor(convert):
    return lambda value: (int(value[0]), convert(value[1]))


def moments(value):
    """Seconds since 1970, and microseconds."""
    return int(value[0]), int(value[1])


REPLY = dict.fromkeys("setnx msetnx hexists expire pexpire expireat pexpireat persist renamenx copy smove".split(), bool)
REPLY |= dict.fromkeys("setex psetex mset rename ltrim lset flushdb".split(), ok)
REPLY |= dict.fromkeys("smembers sinter sunion sdiff".split(), set)
REPLY |= dict.fromkeys("zincrby zscore incrbyfloat hincrbyfloat".split(), real)
REPLY |= dict.fromkeys("zpopmin zpopmax".split(), pairs)
REPLY |= {
    "hgetall": _dict, "zmscore": lambda value: [real(v) for v in value], "blpop": _tuple, "brpop": _tuple, "bzpopmin": _popped, "bzpopmax": _popped,
}

# --- Commands -----------------------------------------------------------------

#: Method to command and the arguments that follow it; "*" are those beyond.
PLAIN = {
    name: rest
    for name, _, rest in (
        line.strip().partition(" ")
        for line in """
    get GET name
    setex SETEX name time value
    setnx SETNX name value
    getset GETSET name value
    getdel GETDEL name
    mget MGET keys *
    append APPEND key value
    strlen STRLEN name
    getrange GETRANGE key start end
    setrange SETRANGE name offset value
    incrby INCRBY name amount
    incrbyfloat INCRBYFLOAT name amount
    getbit GETBIT name offset
    setbit SETBIT name offset value
    bitcount BITCOUNT key start end
    delete DEL *
    exists EXISTS *
    touch TOUCH *
    type TYPE name
    ttl TTL name
    pttl PTTL name
    expiretime EXPIRETIME key
    persist PERSIST name
    rename RENAME src dst
    renamenx RENAMENX src dst
    keys KEYS pattern
    randomkey RANDOMKEY
    dbsize DBSIZE
    flushdb FLUSHDB
    hsetnx HSETNX name key value
    hget HGET name key
    hgetall HGETALL name
    hmget HMGET name keys *
    hdel HDEL name *
    hexists HEXISTS name key
    hkeys HKEYS name
    hvals HVALS name
    hlen HLEN name
    hstrlen HSTRLEN name key
    hincrby HINCRBY name key amount
    hincrbyfloat HINCRBYFLOAT name key amount
    lpush LPUSH name *
    rpush RPUSH name *
    lpushx LPUSHX name *
    rpushx RPUSHX name *
    lpop LPOP name count
    rpop RPOP name count
    lrange LRANGE name start end
    llen LLEN name
    lindex LINDEX name index
    lset LSET name index value
    linsert LINSERT name where refvalue value
    lrem LREM name count value
    ltrim LTRIM name start end
    lmove LMOVE first_list second_list src dest
    sadd SADD name *
    srem SREM name *
    smembers SMEMBERS name
    sismember SISMEMBER name value
    smismember SMISMEMBER name values *
    scard SCARD name
    spop SPOP name count
    srandmember SRANDMEMBER name number
    smove SMOVE src dst value
    sinter SINTER keys *
    sunion SUNION keys *
    sdiff SDIFF keys *
    sinterstore SINTERSTORE dest keys *
    sunionstore SUNIONSTORE dest keys *
    sdiffstore SDIFFSTORE dest keys *
    zincrby ZINCRBY name amount value
    zrem ZREM name *
    zscore ZSCORE name value
    zmscore ZMSCORE key members
    zcard ZCARD name
    zcount ZCOUNT name min max
    zremrangebyrank ZREMRANGEBYRANK name min max
    zremrangebyscore ZREMRANGEBYSCORE name min max
    zpopmin ZPOPMIN name count
    zpopmax ZPOPMAX name count
    """.split("\n")
        if line.strip()
    )
}


def _lifetime(a):
    """EX, PX, EXAT or PXAT with its value."""
    if a["ex"] is a["px"] is a["exat"] is a["pxat"] is None:
        return ()
    given = [(name, a[name]) for name in ("ex", "px", "exat", "pxat") if a[name] is not None]
    if len(given) > 1:
        raise DataError("ex, px, exat and pxat exclude each other")
    return [word for name, value in given for word in (name.upper(), _time(value, 1000 if name[0] == "p" else 1))]


def _time(value, per=1):
    if hasattr(value, "total_seconds"):
        return int(value.total_seconds() * per)
    return int(value.timestamp() * per) if hasattr(value, "timestamp") else value


def _set(a):
    if a["nx"] and a["xx"]:
        raise DataError("nx and xx exclude each other")
    out = ["SET", a["name"], a["value"], *_lifetime(a), *_flags(a, "nx", "xx", "keepttl", "get")]
    return out, (None if a["get"] else _done)


def _getex(a):
    return ["GETEX", a["name"], *_lifetime(a), *_flags(a, "persist")], None


def _expiry(name, key, per):
    return lambda a: ([name, a["name"], _time(a[key], per), *_flags(a, "nx", "xx", "gt", "lt")], bool)


def _hset(a):
    given = _pairs(a["mapping"] or {}) + list(a["items"] or ())
    if a["key"] is not None:
        given += [a["key"], a["value"]]
    if not given:
        raise DataError("'hset' with no key value pairs")
    return ["HSET", a["name"], *given], None


def _hrandfield(a):
    out = ["HRANDFIELD", a["key"], *flat(a["count"])]
    return out + (["WITHVALUES"] if a["withvalues"] else []), None


def _page(name, convert, key=True):
    def build(a):
        out = [name, *((a["name"],) if key else ()), a["cursor"]]
        for word, one in (("MATCH", a["match"]), ("COUNT", a["count"]), ("TYPE", a.get("_type"))):
            if one is not None:
                out += (word, one)
        found = convert
        if a.get("no_values"):  # only newer servers leave the values out themselves
            found = lambda value: value[::2]  # noqa: E731
        elif name == "ZSCAN":
            found = lambda value: pairs(value, a["score_cast_func"])  # noqa: E731
        return out, _cursor(found)

    return build


def _lpos(a):
    out = ["LPOS", a["name"], a["value"]]
    for name in ("rank", "count", "maxlen"):
        if a[name] is not None:
            out += (name.upper(), a[name])
    return out, None


def _zadd(a):
    if not a["mapping"]:
        raise DataError("zadd requires at least one pair of member and score")
    if a["nx"] and (a["xx"] or a["gt"] or a["lt"]):
        raise DataError("nx excludes xx, gt and lt")
    if a["incr"] and len(a["mapping"]) != 1:
        raise DataError("zadd with incr takes one pair of member and score")
    scores = [word for member, score in a["mapping"].items() for word in (score, member)]
    return ["ZADD", a["name"], *_flags(a, "nx", "xx", "gt", "lt", "ch", "incr"), *scores], (real if a["incr"] else None)


def _zrank(name):
    def build(a):
        if not a["withscore"]:
            return [name, a["name"], a["value"]], None
        return [name, a["name"], a["value"], "WITHSCORE"], lambda value: value and [value[0], float(value[1])]

    return build


def _scored(a):
    return pairs if a["score_cast_func"] is float else lambda value: pairs(value, a["score_cast_func"])


def _limit(a, start, num):
    if (a[start] is None) != (a[num] is None):
        raise DataError(f"{start} and {num} must be given together")
    return [] if a[start] is None else ["LIMIT", a[start], a[num]]


def _zrange(a):
    if a["byscore"] and a["bylex"]:
        raise DataError("byscore and bylex exclude each other")
    out = ["ZRANGE", a["name"], a["start"], a["end"], *_flags(a, "byscore", "bylex"), *(["REV"] if a["desc"] else []), *_limit(a, "offset", "num")]
    return (out + ["WITHSCORES"], _scored(a)) if a["withscores"] else (out, None)


def _by_score(name, first, last):
    def build(a):
        out = [name, a["name"], a[first], a[last], *(["WITHSCORES"] if a["withscores"] else []), *_limit(a, "start", "num")]
        return out, (_scored(a) if a["withscores"] else None)

    return build


def _combined(name):
    def build(a):
        keys = flat(a["keys"])
        out = [name, a["dest"], len(keys), *keys]
        if hasattr(a["keys"], "values"):
            out += ("WEIGHTS", *a["keys"].values())
        return out + (["AGGREGATE", a["aggregate"]] if a["aggregate"] else []), None

    return build


SPECIAL = {
    "set": _set, "getex": _getex, "hset": _hset, "hrandfield": _hrandfield, "lpos": _lpos, "zadd": _zadd, "zrange": _zrange,
    "psetex": lambda a: (["PSETEX", a["name"], _time(a["time_ms"], 1000), a["value"]], ok),
    "mset": lambda a: (["MSET", *_pairs(a["mapping"])], ok), "msetnx": lambda a: (["MSETNX", *_pairs(a["mapping"])], bool),
    "copy": lambda a: (["COPY", a["source"], a["destination"], *_flags(a, "replace")], bool),
    "expire": _expiry("EXPIRE", "time", 1), "pexpire": _expiry("PEXPIRE", "time", 1000),
    "expireat": _expiry("EXPIREAT", "when", 1), "pexpireat": _expiry("PEXPIREAT", "when", 1000),
    "scan": _page("SCAN", list, key=False), "hscan": _page("HSCAN", _dict), "sscan": _page("SSCAN", list), "zscan": _page("ZSCAN", pairs),
    "zrank": _zrank("ZRANK"), "zrevrank": _zrank("ZREVRANK"),
    "zrangebyscore": _by_score("ZRANGEBYSCORE", "min", "max"), "zrevrangebyscore": _by_score("ZREVRANGEBYSCORE", "max", "min"),
    "zunionstore": _combined("ZUNIONSTORE"), "zinterstore": _combined("ZINTERSTORE"),
}

#: Commands that are special only with more arguments.
DIRECT = {"set": ("SET", 2, _done), "expire": ("EXPIRE", 2, bool)}
