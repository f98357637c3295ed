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

    def test_examples(self):
        if importlib.util.find_spec("mypy") is None:
            self.skipTest("mypy is not installed; .ci/python installs it")
        with tempfile.TemporaryDirectory() as folder:
            found = list(examples())
            self.assertGreater(len(found), 5)
            for name, source in found:
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(source)
            wrong = []
            for one in sorted({name.partition("/")[0] for name, _ in found}):
                command = [sys.executable, "-m", "mypy", "--no-error-summary", "--ignore-missing-imports", "--follow-imports=silent", "--check-untyped-defs",
                           "--explicit-package-bases",
                           "--cache-dir", folder + "/.cache", "."]
                done = subprocess.run(command, cwd=pathlib.Path(folder, one), env={"MYPYPATH": f"{HERE.parent}:."}, capture_output=True, text=True)
                if done.returncode:
                    wrong.append(f"{one}:\n{done.stdout}{done.stderr}")
            self.assertEqual("\n".join(wrong), "")
