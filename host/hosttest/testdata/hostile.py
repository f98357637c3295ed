"""A service that attacks its host, its interpreter and the next call.

POST /hostile/{attack} runs the function of that name; GET /probe returns what
a call finds, which must be the same after any attack."""

import asyncio
import builtins
import codecs
import contextvars
import copy
import decimal
import gc
import hashlib
import itertools
import json
import locale
import logging
import os
import pickle
import random
import re
import signal
import sys
import time
import warnings
import zlib

import serai
from serai import Service

KEPT = []
CONTEXT = contextvars.ContextVar('context', default='unset')
CALLS = 0


class Hostile(Service):

    state = 'as deployed'

    def handle(self):
        attack = self.request.http.params.get('attack')
        if attack is None:
            self.response.payload = fingerprint()
            return
        result = globals()['attack_' + attack](self)
        self.response.payload = 'survived' if result is None else result


def fingerprint():
    """Everything that attacks change and a call could notice."""
    global CALLS
    CALLS += 1
    out = {
        'calls': CALLS, 'kept': len(KEPT), 'state': Hostile.state, 'context': CONTEXT.get(),
        'builtins': sorted(dir(builtins)), 'modules': sorted(sys.modules), 'path': sys.path, 'environ': dict(os.environ),
        'recursion': sys.getrecursionlimit(), 'prec': decimal.getcontext().prec, 'locale': locale.setlocale(locale.LC_ALL),
        'warnings': len(warnings.filters), 'handlers': [type(h).__name__ for h in logging.getLogger().handlers],
        'level': logging.getLogger().level, 'gc': [gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()],
        'json': json.dumps({'a': [1, 2.5, None]}), 'len': len([1, 2, 3]), 'int': int('7'), 'stdout': type(sys.stdout).__name__,
        'backend': type(serai.host.backend).__name__, 'cwd': os.getcwd(), 'trace': str(sys.gettrace()), 'profile': str(sys.getprofile()),
        'switch': sys.getswitchinterval(), 'service': sorted(vars(Service)), 'hooks': len(sys.meta_path), 'audit': sys.flags.dev_mode,
        'signals': str(signal.getsignal(signal.SIGINT)), 'intern': sys.int_info.default_max_str_digits == sys.get_int_max_str_digits(),
        'loop': type(asyncio.get_event_loop_policy()).__name__, 'descriptors': open_descriptors(), 'excepthook': sys.excepthook.__name__,
        'hash': hashlib.sha256(b'x').hexdigest()[:8], 'date': time.gmtime(0).tm_year, 'zlib': zlib.crc32(b'x'),
        'displayhook': sys.displayhook.__name__, 'regex': re.sub('a', 'b', 'aaa'), 'codec': 'x'.encode('utf-8').hex(),
    }
    return out


def open_descriptors():
    found = []
    for fd in range(64):
        try:
            os.fstat(fd)
        except OSError:
            continue
        found.append(fd)
    return found


# --- Without end ------------------------------------------------------------

def attack_spin(self):
    while True:
        pass


def attack_spin_and_catch(self):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


def attack_tree(self):
    def f(n):
        return n and f(n - 1) + f(n - 1)
    f(200)


def attack_regex(self):
    re.match(r'(a+)+$', 'a' * 64 + 'b')


def attack_power(self):
    return str(7 ** (7 ** 9))[:10]


def attack_sum(self):
    return sum(range(10 ** 14))


def attack_all(self):
    return all(itertools.repeat(True))


def attack_contains(self):
    return 1 in itertools.repeat(0)


def attack_finaliser(self):
    class Undying:
        def __del__(self):
            while True:
                pass
    x = Undying()
    del x


def attack_message(self):
    class Slow(Exception):
        def __str__(self):
            while True:
                pass
    raise Slow


def attack_sleep(self):
    time.sleep(3600)


def attack_async(self):
    async def wait():
        await asyncio.sleep(3600)
    asyncio.run(wait())


def attack_log_forever(self):
    while True:
        self.logger.info('x' * 1000)


def attack_memory_forever(self):
    while True:
        try:
            [bytearray(1 << 20) for _ in range(1 << 20)]
        except MemoryError:
            pass


# --- Too deep ---------------------------------------------------------------

def attack_recursion(self):
    def f():
        f()
    f()


def attack_json(self):
    return json.loads('[' * 200_000)


def attack_dumps(self):
    x = []
    for _ in range(200_000):
        x = [x]
    return json.dumps(x)


def attack_repr(self):
    x = []
    for _ in range(200_000):
        x = (x,)
    return repr(x)


def attack_parse(self):
    compile('(' * 100_000 + ')' * 100_000, '<attack>', 'exec')


def attack_operators(self):
    compile('-' * 100_000 + '1', '<attack>', 'eval')


def attack_re_nested(self):
    re.compile('(' * 50_000 + ')' * 50_000)


def attack_pickle(self):
    x = []
    for _ in range(200_000):
        x = [x]
    pickle.dumps(x)


def attack_copy(self):
    x = []
    for _ in range(200_000):
        x = [x]
    copy.deepcopy(x)


def attack_compare(self):
    x, y = [], []
    x.append(y)
    y.append(x)
    return x == y


def attack_no_limit(self):
    sys.setrecursionlimit(1 << 30)
    def f(n):
        return f(n + 1) + 1
    f(0)


def attack_no_limit_in_c(self):
    sys.setrecursionlimit(1 << 30)
    class Deep:
        def __getattr__(self, name):
            return getattr(self, name + 'x')
    Deep().x


def attack_deallocate(self):
    x = None
    for _ in range(500_000):
        x = (x,)
    del x


def attack_circle(self):
    x = {}
    x['x'] = x
    return x


# --- Too much ---------------------------------------------------------------

def attack_one_string(self):
    return str(len('x' * (1 << 31)))


def attack_many(self):
    while True:
        KEPT.append(bytearray(1 << 20))


def attack_double(self):
    x = ['x']
    while True:
        x += x


def attack_bytes(self):
    return str(len(bytes(1 << 30)))


def attack_inflate(self):
    bomb = zlib.compress(bytes(1 << 26), 9)
    out = []
    while True:
        out.append(zlib.decompress(bomb))


def attack_format(self):
    return '%*d' % (1 << 30, 1)


def attack_reply(self):
    return 'x' * (8 << 20)


def attack_reply_json(self):
    return ['x' * 1024] * 8192


def attack_log(self):
    for i in range(20_000):
        self.logger.info('%06d %s', i, 'x' * 100)


def attack_print(self):
    for _ in range(10_000):
        print('y' * 1000)


def attack_log_record(self):
    self.logger.info('z' * (1 << 20))


def attack_traceback(self):
    raise Exception('x' * 20_000_000)


def attack_headers(self):
    for i in range(5000):
        self.response.headers[f'x-{i}'] = 'v' * 200
    return 'ok'


# --- Malformed replies --------------------------------------------------------

def attack_header_line(self):
    self.response.headers['x-a'] = 'a\r\nset-cookie: b=c'
    return 'ok'


def attack_header_name(self):
    self.response.headers['x a:'] = 'a'
    return 'ok'


def attack_status(self):
    self.response.status_code = 99
    return 'ok'


def attack_status_text(self):
    self.response.status_code = 'many'
    return 'ok'


def attack_object(self):
    return object()


def attack_surrogate(self):
    return '\ud800'


def attack_type(self):
    self.response.content_type = 'text/html\r\nx-injected: 1'
    return 'ok'


# --- Endings ------------------------------------------------------------------

def attack_exit(self):
    sys.exit(0)


def attack_exit_text(self):
    sys.exit('bye')


def attack_os_exit(self):
    os._exit(0)


def attack_abort(self):
    os.abort()


def attack_interrupt(self):
    raise KeyboardInterrupt


def attack_generator_exit(self):
    raise GeneratorExit


def attack_raise_signal(self):
    signal.raise_signal(signal.SIGABRT)


def attack_bytecode(self):
    def f():
        return 1
    f.__code__ = f.__code__.replace(co_code=bytes([83, 0, 151, 255] * 100), co_stacksize=1)
    f()


def attack_bad_exception(self):
    class Bad(Exception):
        def __str__(self):
            raise ValueError('no text')
        __repr__ = __str__
    raise Bad


def attack_group(self):
    e = ExceptionGroup('x', [ValueError(1)])
    for _ in range(5000):
        e = ExceptionGroup('x', [e])
    raise e


def attack_cause(self):
    e = None
    for i in range(50_000):
        n = ValueError(i)
        n.__cause__ = e
        e = n
    raise e


def attack_no_output(self):
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = None
    print('lost')
    raise ValueError('without streams')


# --- What a sandbox has not -----------------------------------------------------

def attack_ctypes(self):
    import ctypes
    ctypes.string_at(0)


def attack_thread(self):
    import threading
    threading.Thread(target=print).start()


def attack_pool(self):
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor() as pool:
        pool.submit(print)


def attack_socket(self):
    import socket
    socket.create_connection(('127.0.0.1', 80))


def attack_urlopen(self):
    import urllib.request
    urllib.request.urlopen('http://127.0.0.1/')


def attack_ssl(self):
    import ssl
    ssl.create_default_context()


def attack_subprocess(self):
    import subprocess
    subprocess.run(['true'])


def attack_system(self):
    os.system('true')


def attack_fork(self):
    os.fork()


def attack_multiprocessing(self):
    import multiprocessing
    multiprocessing.Process(target=print).start()


def attack_write_file(self):
    open('/x', 'w')


def attack_fill_tmp(self):
    with open('/tmp/x', 'wb') as f:
        while True:
            f.write(bytes(1 << 20))


def attack_write_library(self):
    open('/lib/json/__init__.py', 'w')


def attack_write_app(self):
    open('/app/service.py', 'a')


def attack_unlink(self):
    os.unlink('/app/service.py')


def attack_escape(self):
    return open('/app/../../../../../etc/passwd').read()


def attack_proc(self):
    return open('/proc/self/environ').read()


def attack_walk(self):
    return sorted({d for d, _, _ in os.walk('/') if d.count('/') == 1})


# --- State that must not stay -----------------------------------------------------

def attack_state(self):
    Hostile.state = 'attacked'
    KEPT.append(1)
    CONTEXT.set('attacked')
    Service.attacked = True
    builtins.len = lambda _: 666
    builtins.attacked = True
    json.dumps = lambda *_, **__: 'attacked'
    serai._runtime._reply = serai._runtime._failure = lambda *_: (('status', '200'), b'attacked')
    serai._runtime.dumps = lambda *_: 'attacked'
    serai.host.backend = None
    sys.modules.pop('json')
    sys.modules['re'] = None
    sys.path[:] = ['/attacked']
    os.environ['ATTACKED'] = '1'
    assert not os.path.exists('/tmp/attacked')
    open('/tmp/attacked', 'w').close()
    sys.setrecursionlimit(5000)
    decimal.getcontext().prec = 3
    warnings.simplefilter('ignore')
    logging.getLogger().handlers.clear()
    logging.getLogger().setLevel(100)
    logging.disable(100)
    gc.disable()
    gc.set_threshold(1, 1, 1)
    sys.settrace(lambda *_: None)
    sys.setprofile(lambda *_: None)
    sys.setswitchinterval(3)
    sys.set_int_max_str_digits(0)
    sys.meta_path.clear()
    sys.excepthook = sys.displayhook = attack_state
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())
    codecs.register_error('strict', codecs.ignore_errors)
    fingerprint.__code__ = attack_state.__code__
    Hostile.handle = attack_state
    random.seed(1)


def attack_freeze(self):
    for _ in range(1000):
        x = []
        x.append(x)
    gc.freeze()
    gc.unfreeze()
    gc.disable()
    gc.collect()


def attack_generator(self):
    def forever():
        try:
            while True:
                yield 1
        finally:
            KEPT.append('finally')
    g = forever()
    next(g)
    KEPT.append(g)


def attack_open_files(self):
    KEPT.extend(open('/app/service.py') for _ in range(200))
    return str(len(KEPT))


def attack_close_descriptors(self):
    for fd in range(10):
        try:
            os.close(fd)
        except OSError:
            pass


def attack_atexit(self):
    import atexit
    atexit.register(attack_spin, self)


def attack_on_restore(self):
    serai.on_restore(lambda: attack_spin(self))


def attack_audit_hook(self):
    sys.addaudithook(lambda *_: attack_spin(self))


def attack_call_stats(self):
    fingerprint.__defaults__ = (1, 2, 3)
    Hostile.__bases__ = (type('Other', (Service,), {}),)
    for name in list(vars(serai._runtime)):
        if not name.startswith('__'):
            setattr(serai._runtime, name, None)


def attack_raw_backend(self):
    import _serai
    found = []
    for args in ((('op',),), (('op', 'x' * 300),), ((),), (('op', 'kv.get', 'key'),), (['op', 1],), (None,), (('op', 'kv.get'), 7)):
        try:
            _serai.call(*args)
        except BaseException as e:
            found.append(type(e).__name__)
    for handle in (0, 1, 255, 256, 2 ** 31, 2 ** 32 - 1):
        for f in (_serai.close, lambda h: _serai.read(h, 10)):
            try:
                f(handle)
            except BaseException as e:
                found.append(type(e).__name__)
    _serai.log(-1, 'negative')
    _serai.log(2 ** 31 - 1, 'high')
    return found


def attack_reply_twice(self):
    import _serai
    _serai.write(b'part')
    return 'whole'


def attack_set_errors(self):
    import _serai
    _serai.set_errors((int,) * 14)
    self.kvdb.conn.get('missing')
