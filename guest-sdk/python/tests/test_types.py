"""What editors and type checkers see of the package."""

import ast
import importlib
import importlib.util
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from serai import refuse, typing_
from serai.service import Service

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
BLOCK = re.compile(r"^```python\b[^\n]*\bfile=(\S+)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)


def declared(cls):
    """Names that a class declares in a stub: all of them, and those of its methods."""
    methods = {part.name for part in cls.body if isinstance(part, ast.FunctionDef)}
    others = {part.target.id for part in cls.body if isinstance(part, ast.AnnAssign)}
    return methods | others, methods


def examples():
    """The services and tests of the documentation and of serai new: names and sources."""
    for document in sorted([*REPOSITORY.glob("docs/*.md"), REPOSITORY / "README.md"]):
        for number, (name, source) in enumerate(BLOCK.findall(document.read_text())):
            if re.search(r"^\s*(from|import) (serai|zato)\b", source, re.MULTILINE):
                yield f"{document.stem}-{number}/{name}", source
    template = REPOSITORY / "cmd/serai/template/python"
    for file in template.glob("*.py.txt"):
        yield "template/" + file.name.removesuffix(".txt"), file.read_text().replace("NAME", "hello")


class Stubs(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.cache = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.cache.cleanup)

    def check(self, folder, *arguments):
        """What mypy says in a folder."""
        if importlib.util.find_spec("mypy") is None:
            self.skipTest("mypy is not installed; .ci/python installs it")
        command = [sys.executable, "-m", "mypy", "--no-error-summary", "--follow-imports=silent", "--cache-dir", self.cache.name, *arguments]
        done = subprocess.run(command, cwd=folder, env={"MYPYPATH": f"{HERE.parent}:."}, capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        return done.stdout

    def test_stubs_have_the_names_of_the_classes(self):
        for file in sorted((HERE.parent / "serai").rglob("*.pyi")):
            module = importlib.import_module(".".join(file.relative_to(HERE.parent).with_suffix("").parts))
            for node in ast.parse(file.read_text()).body:
                if not isinstance(node, ast.ClassDef):
                    continue
                cls = getattr(module, node.name)
                # What a sandbox refuses is left out, so that a checker finds its uses.
                refused = refuse.SERVICE if cls is Service else ()
                real = {name for name in vars(cls) if not name.startswith("_") and name not in refused}
                told, methods = declared(node)
                with self.subTest(cls=cls):
                    self.assertEqual(real - told, set(), f"add these to {file.name}")
                    self.assertEqual({name for name in methods if not hasattr(cls, name)}, set(), f"{file.name} names what {cls} does not have")

    def test_stub_has_the_names_of_the_module(self):
        stub = ast.parse((HERE.parent / "serai/typing_.pyi").read_text())
        (told,) = (ast.literal_eval(node.value) for node in stub.body if isinstance(node, ast.Assign) and node.targets[0].id == "__all__")
        self.assertEqual(sorted(told), sorted(typing_.__all__), "serai/typing_.pyi")

    def test_operations(self):
        """What operations take and return, by uses that checkers pass and others that they do not."""
        right = """\
            cache = self.out.memcached['Cache']
            text: str = cache.get('k').body.decode() + cache.get('k').cas + cache.incr('n', by=2)
            stored: bool = cache.set('k', b'v', expires=timedelta(minutes=1), mode='add')
            self.out.memcached.get('Cache').conn.delete('k')
            status: int = self.out.http['CRM'].request(b'', method='GET', param={'id': 7}, redirects=False, timeout=1.5).status
            bills = connectors.sql.Connection('Bills')
            rows: list[object] = bills.execute('SELECT 1', parameters=[1], transaction=bills.begin()).body['rows']
            affected: int = bills.batch('DELETE FROM t WHERE a = :a', batch=[{'a': 1}])
            name: str = self.out.sql['Bills'].one('SELECT name FROM t WHERE id = :id', {'id': 7}).name
            first = self.out.sql['Bills'].conn.execute('SELECT 1').first()
            number: int | None = first[0] if first else None
            names: list[str] = self.out.sql.get('Bills').execute('SELECT 1').keys()
            with self.out.sql['Bills'].session() as session: session.execute('SELECT 1', [1]); session.commit()
            self.out.amqp.send({'a': 1}, 'Broker', exchange='e', routing_key='r', priority=5)
            kind: str | None = self.out.amqp['Broker'].conn.request('x', timeout=2).content_type
            waiting: int = self.out.amqp['Broker'].declare_queue('q').messages
            redis = self.out.redis['Cache']
            value: str | None = redis.get('k')
            count: int = redis.incr('n') + redis.lpush('l', 'a', b'b', 1) + redis.zadd('z', {'a': 1.5})
            fields: dict[str, str] = redis.hgetall('h')
            entry: str = redis.xadd('s', {'a': 1}, maxlen=10)
            replies: list[object] = redis.pipeline().set('k', 'v').incr('n').execute()
            self.out.redis.get('Cache', decode_responses=False).get('k').decode()
            user = self.out.rest['CRM'].conn.get(self.cid, {'id': 7})
            found: bool = user.ok and user.status_code < 300 and 'id' in user.data
            with self.lock('l', ttl=5) as held: locked: bool = held.held
            secret: str = self.crypto.decrypt(self.crypto.encrypt('s')) + self.crypto.hash_secret(b's')
            job: str = self.schedule.onetime(self, 'other', after_minutes=1.5, data={'a': 1}) + self.invoke_async('other', {'a': 1}, callback=['third'])
            job = self.patterns.fanout.invoke({'a': 1, 'b': 2}, 'c') + self.patterns.invoke_retry.invoke_async('a', repeats=2, seconds=1)
            body: bytes = self.rest.my_crm.post(self.cid, {'a': 1}, headers={'x': 'y'}).content
            """
        wrong = {
            "cache.get()": 'Missing positional argument "key"',
            "cache.get(7)": 'incompatible type "int"',
            "cache.get('k', 'v')": "Too many arguments",
            "cache.get('k').bodi": 'has no attribute "bodi"',
            "cache.get('k').found + 'x'": "Unsupported operand types",
            "cache.set('k', expire=60)": 'Unexpected keyword argument "expire"',
            "cache.set('k', mode='sometimes')": "incompatible type",
            "cache.put('k')": 'has no attribute "put"',
            "self.out.memcache": 'has no attribute "memcache"',
            "self.out.memcached[7]": 'expected type "str"',
            "self.out.http['CRM'].request(timeout='long')": 'incompatible type "str"',
            "self.out.http['CRM'].request().body + 'x'": "Unsupported operand types",
            "bills.execute('SELECT 1').affected + 1": "Unsupported operand types",
            "bills.batch('SELECT 1', batch={'a': 1})": "incompatible type",
            "self.out.sql['Bills'].no_such_thing": "has no attribute",
            "self.out.sql['Bills'].one(7)": 'incompatible type "int"',
            "self.out.sql['Bills'].one('SELECT 1', 7)": 'incompatible type "int"',
            "self.out.sql['Bills'].one('SELECT 1', parameters={})": "Unexpected keyword argument",
            "self.out.sql['Bills'].one_or_none('SELECT 1').name": '"None" of "Row | None" has no attribute "name"',
            "self.out.sql['Bills'].execute('SELECT 1').rows": 'has no attribute "rows"',
            "session.query": 'has no attribute "query"',
            "self.out.amqp.send({'a': 1})": "Missing positional argument",
            "self.out.amqp['Broker'].publish('x', routing_key=7)": 'incompatible type "int"',
            "self.out.amqp['Broker'].publish('x').ok": "does not return a value",
            "self.out.amqp['Broker'].request('x').correlation": "has no attribute",
            "redis.no_such_thing": "has no attribute",
            "redis.get()": "Missing positional argument",
            "redis.get('k').upper()": '"None" of "str | None" has no attribute "upper"',
            "redis.set('k', {'a': 1})": "incompatible type",
            "redis.set('k', 'v', expires=1)": "Unexpected keyword argument",
            "redis.incr('n').upper()": '"int" has no attribute "upper"',
            "redis.expire('k', 'soon')": 'incompatible type "str"',
            "self.lock('l', ttl='5')": 'incompatible type "str"',
            "self.crypto.encrypt(7)": 'incompatible type "int"',
            "self.crypto.encrypt('s').upper() + 'x'": "Unsupported operand types",
            "self.schedule.onetime(self, 'other', after_hours=1)": "Unexpected keyword argument",
            "self.invoke_async('other', expiration='1')": 'incompatible type "str"',
            "self.patterns.parallel.invoke(['a'], 'b')": "incompatible type",
            "user.stauts_code": "has no attribute",
            "user.text + b''": "Unsupported operand types",
            "self.out.rest['CRM'].post(headers=['a'])": "incompatible type",
        }
        lines = [line.strip() for line in right.splitlines()] + list(wrong)
        source = "from datetime import timedelta\nfrom serai import Service, connectors\n\nclass Uses(Service):\n    def handle(self) -> None:\n"
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "uses.py").write_text(source + "".join(f"        {line}\n" for line in lines))
            said = {}
            output = self.check(folder, "uses.py")
            for line in output.splitlines():
                if found := re.match(r"uses\.py:(\d+): error: (.*)", line):
                    said.setdefault(lines[int(found[1]) - source.count("\n") - 1], found[2])
        self.assertEqual({line: error for line, error in said.items() if line not in wrong}, {}, output)
        passed = {line: said.get(line, "nothing") for line, error in wrong.items() if error not in said.get(line, "nothing")}
        self.assertEqual({line: wrong[line] for line in passed}, passed)

    def test_examples(self):
        with tempfile.TemporaryDirectory() as folder:
            found = list(examples())
            self.assertGreater(len(found), 5)
            for name, source in found:
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(source)
            wrong = []
            for one in sorted({name.partition("/")[0] for name, _ in found}):
                if output := self.check(pathlib.Path(folder, one), "--ignore-missing-imports", "--check-untyped-defs", "--explicit-package-bases", "."):
                    wrong.append(f"{one}:\n{output}")
            self.assertEqual("\n".join(wrong), "")
