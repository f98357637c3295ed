"""CPU-bound work that is measured from inside: as a service, and as a program
for native CPython. It prints or answers the seconds of each kind of work."""

import json
import re
import sys
import time
from dataclasses import asdict, dataclass, replace
from decimal import Decimal, getcontext


def fib(n=28):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


DOCUMENT = {
    'users': [
        {'id': i, 'name': f'Zoë {i}', 'tags': ['a', 'b', 'c"'], 'balance': i * 1.25, 'active': i % 2 == 0, 'next': None}
        for i in range(100)
    ],
}


def json_round_trips(n=200):
    for _ in range(n):
        text = json.dumps(DOCUMENT)
        if json.loads(text) != DOCUMENT:
            raise ValueError('the document changed')
    return len(text)


LOG = '\n'.join(
    f'2026-01-{1 + i % 28:02} 12:00:{i % 60:02} INFO user{i}@example.com GET /api/v{i % 3}/user/{i} {200 + i % 5} {i}ms'
    for i in range(300)
)
LINE = re.compile(r'^(\d{4})-(\d\d)-(\d\d) ([\d:]+) (\w+) (\S+@\S+) (GET|POST) (/\S+) (\d{3}) (\d+)ms$', re.MULTILINE)


def regular_expressions(n=120):
    total = 0
    for _ in range(n):
        total += sum(int(m.group(10)) for m in LINE.finditer(LOG))
        total += len(re.sub(r'user(\d+)@example\.com', r'<\1>', LOG))
    return total


def strings(n=180):
    total = 0
    for k in range(n):
        words = [f'{i:05}-{k}' for i in range(500)]
        text = ';'.join(words).upper().replace('-', '_')
        total += sum(len(part.strip('_').split('_')[0]) for part in text.split(';'))
        total += text.encode().decode().count('9')
    return total


def dict_and_sort(n=100):
    total = 0
    for k in range(n):
        table = {}
        for i in range(2000):
            key = (i * 7919 + k) % 1009
            table[key] = table.get(key, 0) + i
        rows = sorted(table.items(), key=lambda row: (-row[1], row[0]))
        total += rows[0][1] + sorted(table.values())[0]
    return total


def decimals(n=500):
    getcontext().prec = 40
    total = Decimal(0)
    for k in range(1, n + 1):
        rate = Decimal('1.0375') + Decimal(k) / 1000
        amount = Decimal('1250.50')
        for _ in range(100):
            amount = (amount * rate / Decimal('1.03')).quantize(Decimal('0.0001'))
        total += amount
    return str(total)


@dataclass(frozen=True, order=True)
class Entry:
    account: str
    amount: int
    note: str = ''


def dataclasses(n=30):
    total = 0
    for k in range(n):
        entries = [Entry(f'acc-{i % 97}', i * k, 'x') for i in range(300)]
        entries = sorted(replace(e, amount=e.amount + 1) for e in entries)
        total += sum(asdict(e)['amount'] for e in entries) + len(set(entries))
    return total


WORK = {
    'fib': fib,
    'json': json_round_trips,
    're': regular_expressions,
    'strings': strings,
    'dict and sort': dict_and_sort,
    'decimal': decimals,
    'dataclass': dataclasses,
}


def measure(times=5):
    """Returns the best seconds of each kind of work, and what it computed."""
    out = {}
    for name, work in WORK.items():
        best = None
        for _ in range(times):
            started = time.perf_counter()
            result = work()
            seconds = time.perf_counter() - started
            best = seconds if best is None else min(best, seconds)
        out[name] = {'seconds': best, 'result': str(result)}
    return {'version': sys.version.split()[0], 'work': out}


def handle(request):
    return measure()


if __name__ == '__main__':
    print(json.dumps(measure()))
