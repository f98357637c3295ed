"""The work that the optimiser's profile is recorded from: what integration
services do all day. build.sh --profile runs it under an instrumented native
CPython; only how often each branch is taken counts, not the machine."""

import ast
import asyncio
import base64
import collections
import csv
import dataclasses
import datetime
import decimal
import enum
import functools
import hashlib
import hmac
import html
import io
import itertools
import json
import random
import re
import string
import struct
import sys
import textwrap
import urllib.parse
import uuid
import xml.etree.ElementTree as ET
import zlib


def document(n=60):
    return {
        "users": [
            {
                "id": i, "name": f"Zoë {i}" if i % 7 == 0 else f"User {i}", "email": f"user{i}@example.com",
                "tags": ["a", "b\n", 'c"'], "balance": i * 1.25, "active": i % 2 == 0,
                "nested": {"k": [1, 2, 3 << 40, -i], "v": None},
            }
            for i in range(n)
        ],
        "page": 1, "total": n, "next": None,
    }


def work_json():
    doc = document()
    for _ in range(12):
        text = json.dumps(doc)
        json.loads(text)
        json.dumps(doc, ensure_ascii=False, separators=(",", ":"))
    json.dumps(doc, indent=2, sort_keys=True)
    json.loads(json.dumps(doc).encode(), parse_float=decimal.Decimal)
    try:
        json.loads('{"a": }')
    except ValueError as exc:
        str(exc)


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def work_calls():
    fib(21)
    sum(x * x for x in range(20000))
    functools.reduce(lambda a, b: a ^ b, range(10000))

    @functools.lru_cache(maxsize=100)
    def cached(n):
        return n * 2

    for i in range(5000):
        cached(i % 150)

    def keyword(a, *args, b=1, **kw):
        return a + b + len(args) + len(kw)

    for i in range(5000):
        keyword(i, 1, 2, b=3, c=4)


def work_re():
    text = json.dumps(document())
    email, number = re.compile(r"(\w+)@(\w+)\.com"), re.compile(r"(?P<n>\d+)(\.\d+)?")
    for _ in range(5):
        email.findall(text)
        number.sub("#", text)
        [m.group("n") for m in number.finditer(text)]
        re.split(r"[,;]\s*", text)
        re.sub(r"\s+", " ", text)
    for line in text.split(","):
        re.match(r'^\s*"(?:[^"\\]|\\.)*":\s*(true|false|null|-?\d+)', line)
        re.search(r"(?i)USER\s?(\d+)", line)
    for p in (r"^[A-Z]{2}\d{2}[A-Z0-9]{1,30}$", r"(a|b)*c{2,3}?", r"(?<=x)\d+(?!y)", r"[\w.+-]+@[\w-]+\.[\w.-]+"):
        re.purge()
        re.compile(p).match("PL61109010140000071219812874")


def work_strings():
    out = []
    for i in range(8000):
        s = "item-%d" % i
        s = s.upper().replace("-", "_").lower().strip().title()
        out.append(f"{s}:{i:05d}:{i / 3:.2f}:{i!r}".split(":")[0])
        s.startswith("Item") and s.endswith("9") or s.find("_") or s in "abc"
        "{} {name}".format(i, name=s)
        int(str(i)), float(str(i) + ".5")
    text = "\n".join(out)
    text.encode().decode()
    "zażółć gęślą jaźń".encode().decode().upper()
    text.splitlines()
    text.count("1"), text.rfind("9"), text.partition("\n"), text.translate(str.maketrans("1", "2"))
    text[::2], text[5:-5], text.isascii()
    for w in text.split():
        w.isdigit(), w.isalpha(), w.ljust(12), w.zfill(12), hash(w)
    string.Template("$a ${b}").substitute(a=1, b=2)
    html.escape("<a&b>"), html.unescape("&lt;&amp;"), textwrap.fill("word " * 200)
    urllib.parse.urlencode({"a": "x y", "b": 1}), urllib.parse.parse_qs("a=1&b=2%20"), urllib.parse.urlsplit("http://u:p@h:1/p?q#f")


def work_containers():
    d = {}
    for i in range(12000):
        d[(i * 7919) % 12007] = i
    sorted(d.items(), key=lambda kv: kv[1])
    sorted(d, reverse=True)
    names = {f"k{i}": i for i in range(3000)}
    for k in list(names):
        names[k] += 1
        if k.endswith("7"):
            del names[k]
    s = set(range(3000)) & set(range(1000, 5000)) | {1} - {2}
    rows = [(i % 10, str(i)) for i in range(3000)]
    rows.sort()
    {k: list(g) for k, g in itertools.groupby(rows, key=lambda r: r[0])}
    collections.Counter(r[0] for r in rows).most_common(3)
    grouped = collections.defaultdict(list)
    for k, v in rows:
        grouped[k].append(v)
    q = collections.deque(maxlen=100)
    for i in range(2000):
        q.append(i)
        q and q.popleft()
    [a + b for a, b in zip(range(3000), range(3000)) if a % 2]
    max(rows), min(s), any(x > 5 for x in s), all(rows), list(map(str, range(1000))), list(enumerate(rows))[:5]
    matrix = [[i * j for j in range(40)] for i in range(40)]
    [sum(x * y for x, y in zip(r, c)) for r in matrix for c in zip(*matrix)][:3]


def work_decimal():
    total = decimal.Decimal(0)
    for i in range(1, 3000):
        total += decimal.Decimal(i) / decimal.Decimal(7)
        total = total.quantize(decimal.Decimal("0.0001"), decimal.ROUND_HALF_UP)
    str(total), total * 3, total > 5, int(total), decimal.Decimal("2").sqrt()


@dataclasses.dataclass
class Point:
    x: int
    y: int
    name: str = "p"

    def norm(self):
        return self.x * self.x + self.y * self.y


@dataclasses.dataclass(frozen=True, order=True, slots=True)
class Money:
    amount: int
    currency: str = "EUR"


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


class Account:
    limit = 10

    def __init__(self, owner):
        self.owner, self.balance, self._log = owner, 0, []

    @property
    def empty(self):
        return self.balance == 0

    def deposit(self, amount):
        if amount < 0:
            raise ValueError("negative")
        self.balance += amount
        self._log.append(amount)
        return self

    def __eq__(self, other):
        return self.owner == other.owner

    def __len__(self):
        return len(self._log)


class Savings(Account):
    def deposit(self, amount):
        super().deposit(amount)
        return isinstance(self, Account) and hasattr(self, "owner") and getattr(self, "missing", None)


def work_classes():
    points = [Point(i, i + 1) for i in range(5000)]
    sum(p.norm() for p in points)
    points[0] == points[1], repr(points[0])
    [dataclasses.replace(p, x=1) for p in points[:500]]
    [dataclasses.asdict(p) for p in points[:300]]
    sorted(Money(i % 9) for i in range(500)), {Money(1): 1}, Colour(1), Colour["RED"]
    for i in range(3000):
        a = Savings(i)
        a.deposit(i)
        a.empty, len(a)
        try:
            a.deposit(-1)
        except ValueError:
            pass
        with io.StringIO() as f:
            f.write("x")


def work_time():
    now = datetime.datetime(2025, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    for i in range(1500):
        t = now + datetime.timedelta(hours=i)
        datetime.datetime.fromisoformat(t.isoformat()) - now
        t.strftime("%Y-%m-%d"), t.date(), t.timestamp()
    datetime.datetime.strptime("2025-01-02", "%Y-%m-%d")


def work_formats():
    root = ET.Element("orders")
    for i in range(300):
        e = ET.SubElement(root, "order", id=str(i))
        ET.SubElement(e, "amount").text = str(i * 1.5)
    text = ET.tostring(root)
    for _ in range(3):
        [o.findtext("amount") for o in ET.fromstring(text).iter("order")]
    out = io.StringIO()
    csv.writer(out).writerows((i, f"n,{i}", i / 2) for i in range(1000))
    list(csv.DictReader(io.StringIO(out.getvalue()), fieldnames=["a", "b", "c"]))
    data = zlib.compress(text)
    zlib.decompress(data), zlib.crc32(text)
    for i in range(200):
        hashlib.sha256(text[:200]).hexdigest(), hashlib.md5(b"x"), hashlib.sha1(b"y"), hashlib.blake2b(b"z")
        hmac.new(b"k", b"m", "sha256").digest(), base64.b64decode(base64.b64encode(text[:300]))
        struct.unpack("<IHb", struct.pack("<IHb", i, 2, 3)), uuid.UUID(int=i).hex, bytes.fromhex("00ff"), random.random()
    random.shuffle(list(range(500))), random.randint(1, 10), random.choice("abc")


def work_compile():
    for name in ("json.decoder", "textwrap", "dataclasses"):
        with open(sys.modules[name].__file__) as f:
            source = f.read()
        exec(compile(source, name, "exec"), {"__name__": "profiled"})
        ast.parse(source)


async def coroutine(n):
    await asyncio.sleep(0)
    return n


async def work_async():
    await asyncio.gather(*(coroutine(i) for i in range(500)))
    queue = asyncio.Queue()
    for i in range(300):
        await queue.put(i)
        await queue.get()


def main():
    for _ in range(3):
        for work in (
            work_json, work_calls, work_re, work_strings, work_containers, work_decimal,
            work_classes, work_time, work_formats,
        ):
            work()
    work_compile()
    asyncio.run(work_async())


if __name__ == "__main__":
    main()
