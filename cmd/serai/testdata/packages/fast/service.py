"""Packages with compiled parts that they can do without, and one that is
built from source."""

import io

import cbor2
import charset_normalizer
import docopt
import frozenlist
import msgpack
import multidict
import propcache
import pyrsistent
import rapidfuzz
import ruamel.yaml
import simplejson
import wrapt
import yarl
import zope.interface


class Speaks(zope.interface.Interface):
    def speak():
        """Say something."""


@zope.interface.implementer(Speaks)
class Dog:
    def speak(self):
        return "woof"

    @propcache.cached_property
    def name(self):
        return "Rex"


@wrapt.decorator
def loud(wrapped, instance, args, kwargs):
    return wrapped(*args, **kwargs).upper()


def handle(request):
    value = {"a": [1, 2.5, None, True, b"x"], "ż": "ó"}
    assert msgpack.unpackb(msgpack.packb(value)) == value
    assert cbor2.loads(cbor2.dumps(value)) == value
    assert simplejson.loads(simplejson.dumps({"a": [1, "ż"]})) == {"a": [1, "ż"]}
    assert charset_normalizer.from_bytes("Zażółć gęślą jaźń, mówi ona dość często".encode("cp1250")).best() is not None
    assert multidict.CIMultiDict([("A", "1"), ("a", "2")]).getall("A") == ["1", "2"]
    assert str(yarl.URL("http://example.com/ż") / "x" % {"q": "1 2"}) == "http://example.com/%C5%BC/x?q=1+2"
    assert list(frozenlist.FrozenList([1, 2])) == [1, 2]
    assert pyrsistent.pmap({"a": 1}).set("b", 2) == {"a": 1, "b": 2}
    assert pyrsistent.pvector([1, 2]).append(3)[2] == 3
    assert rapidfuzz.fuzz.ratio("kitten", "sitting") > 60 and rapidfuzz.distance.Levenshtein.distance("kitten", "sitting") == 3
    yaml = ruamel.yaml.YAML()
    out = io.StringIO()
    yaml.dump(yaml.load("# kept\na: 1\n"), out)
    assert out.getvalue() == "# kept\na: 1\n"
    assert loud(lambda: "hello")() == "HELLO"
    assert Speaks.providedBy(Dog()) and Dog().name == "Rex"
    assert docopt.docopt("Usage: x <name>", ["Ada"]) == {"<name>": "Ada"}
    return "ok"
