"""XML as objects and back, for channels whose data format is XML.

Documents come from strangers, so what makes XML dangerous is refused: a
document type, and with it entities; depth and the number of elements are
bounded.
"""

from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

#: Bounds of a document.
MAX_DEPTH, MAX_ELEMENTS = 100, 200_000


class Element:
    """An element with its attributes, text and children.

    Children are attributes: root.customer.id. Of several of one name it is
    the first, root.item[1] the second, and iterating over root.item gives
    all. A leaf compares as what it looks like: root.id == 7. Those of another
    namespace than their parent's are getattr(root, '{urn:x}id').
    """

    __slots__ = ("tag", "attrib", "text", "_children", "_parent")

    def __init__(self, tag, attrib=None, parent=None):
        self.tag = tag
        self.attrib = attrib or {}
        #: The text before the first child; None if there is none.
        self.text = None
        self._children = []
        self._parent = parent

    def __getattr__(self, name):
        found = None if name.startswith("__") else self.find(name)
        if found is None:
            raise AttributeError(f"the element {self.tag!r} has no child {name!r}", name=name, obj=self)
        return found

    def _matches(self, name):
        if name.startswith("{"):
            return [c for c in self._children if c.tag == name]
        space = self.tag.rpartition("}")[0]
        return [c for c in self._children if c.tag == (f"{space}}}{name}" if space else name)]

    def find(self, path):
        """The first element at a path such as 'customer/id', or None."""
        return next(iter(self.findall(path)), None)

    def findall(self, path):
        """All elements at a path such as 'customer/id'."""
        found = [self]
        for step in _steps(path):
            found = [c for e in found for c in (e._children if step == "*" else e._matches(step))]
        return found

    def findtext(self, path, default=None):
        """The text of the first element at a path."""
        found = self.find(path)
        return default if found is None else found.text or ""

    def get(self, name, default=None):
        """The value of an attribute."""
        return self.attrib.get(name, default)

    def keys(self):
        """Names of the attributes."""
        return self.attrib.keys()

    def items(self):
        """Names and values of the attributes."""
        return self.attrib.items()

    def getchildren(self):
        """The children, a list."""
        return list(self._children)

    iterchildren = getchildren

    def getparent(self):
        """The element around this one; None of the root."""
        return self._parent

    def iter(self, tag=None):
        """The element and all in it, in the document's order."""
        if tag in (None, "*", self.tag):
            yield self
        for child in self._children:
            yield from child.iter(tag)

    def itertext(self):
        """All texts in it."""
        for element in self.iter():
            if element.text:
                yield element.text

    def _same(self):
        return [self] if self._parent is None else [c for c in self._parent._children if c.tag == self.tag]

    def __iter__(self):
        return iter(self._same())

    def __len__(self):
        return len(self._same())

    def __bool__(self):
        return bool(self._children) or bool(self.pyval)

    def __getitem__(self, key):
        if isinstance(key, str):
            return getattr(self, key)
        return self._same()[key]

    @property
    def pyval(self):
        """The text as what it looks like: int, float, bool, None or str."""
        text = self.text
        if text is None:
            return None
        bare = text.strip()
        if bare in ("true", "false"):
            return bare == "true"
        for kind in (int, float):
            try:
                return kind(bare)
            except ValueError:
                pass
        return text

    def __eq__(self, other):
        if isinstance(other, Element):
            return self is other or self.pyval == other.pyval
        return self.text == other if isinstance(other, str) else self.pyval == other

    def __lt__(self, other):
        return self.pyval < (other.pyval if isinstance(other, Element) else other)

    def __gt__(self, other):
        return self.pyval > (other.pyval if isinstance(other, Element) else other)

    def __hash__(self):
        return id(self)

    def __int__(self):
        return int(self.text or "")

    def __float__(self):
        return float(self.text or "")

    def __str__(self):
        return self.text or ""

    def __repr__(self):
        return f"<Element {self.tag}>"


def _steps(path):
    """The steps of a path; a namespace may have slashes."""
    step, deep = "", 0
    for c in path + "/":
        deep += (c == "{") - (c == "}")
        if c == "/" and not deep:
            if step not in ("", "."):
                yield step
            step = ""
        else:
            step += c


def parse(body):
    """The root element of a document; ValueError with line and column."""
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    stack, count = [], 0
    root = None

    def start(tag, attributes):
        nonlocal root, count
        count += 1
        if len(stack) >= MAX_DEPTH:
            raise ValueError(f"it is nested more than {MAX_DEPTH} deep, {_position(parser)}")
        if count > MAX_ELEMENTS:
            raise ValueError(f"it has more than {MAX_ELEMENTS} elements")
        parent = stack[-1] if stack else None
        element = Element(_tag(tag), {_tag(n): v for n, v in attributes.items()}, parent)
        if parent is None:
            root = element
        else:
            parent._children.append(element)
        stack.append(element)

    def end(tag):
        stack.pop()

    def text(data):
        element = stack[-1]
        if not element._children:
            element.text = data if element.text is None else element.text + data

    def refuse(*args):
        raise ValueError(f"it has a document type, which is not allowed, {_position(parser)}")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except expat.ExpatError as exc:
        raise ValueError(f"{expat.errors.messages[exc.code]}, line {exc.lineno}, column {exc.offset + 1}") from None
    return root


def _position(parser):
    return f"line {parser.CurrentLineNumber}, column {parser.CurrentColumnNumber + 1}"


def _tag(name):
    return "{" + name if "}" in name else name


def objects(element):
    """The element as objects, by local names: a leaf is its text, others a dict.

    Attributes are '@name'. Elements of one name are a list. A leaf with
    attributes has its text as '#text'.
    """
    out = {"@" + name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    for child in element._children:
        name, value = child.tag.rpartition("}")[2], objects(child)
        if name not in out:
            out[name] = value
        elif isinstance(out[name], _Repeated):
            out[name].append(value)
        else:
            out[name] = _Repeated((out[name], value))
    text = (element.text or "").strip() if element._children else element.text or ""
    if not out:
        return text
    if text.strip():
        out["#text"] = text
    return out


class _Repeated(list):
    """Elements of one name."""


def write(value, root="response", item="item", declaration=True, encoding="utf-8", namespace=None, pretty=False):
    """A document of objects, the reverse of :func:`objects`."""
    out = [f"<?xml version='1.0' encoding='{encoding}'?>", "\n"] if declaration else []
    space = f" xmlns={quoteattr(namespace)}" if namespace else ""
    value = _plain(value)
    if isinstance(value, (list, tuple)):
        value = {item: value}
    _write(out, root, value, item, space, "\n" if pretty else None, 0)
    return "".join(out)


def _write(out, name, value, item, space, newline, depth):
    _check_name(name)
    if depth > MAX_DEPTH:
        raise ValueError(f"the payload is nested more than {MAX_DEPTH} deep")
    value = _plain(value)
    indent = "" if newline is None or depth == 0 else newline + "  " * depth
    if isinstance(value, (list, tuple)):
        for one in value:
            one = _plain(one)
            _write(out, name, {item: one} if isinstance(one, (list, tuple)) else one, item, space, newline, depth)
        return
    if not isinstance(value, dict):
        text = _text(value)
        out.append(f"{indent}<{name}{space}>{text}</{name}>" if text else f"{indent}<{name}{space}/>")
        return
    attributes = "".join(f" {_check_name(k[1:])}={quoteattr(_raw(v))}" for k, v in value.items() if isinstance(k, str) and k.startswith("@"))
    out.append(f"{indent}<{name}{space}{attributes}>")
    inner = False
    for k, v in value.items():
        if k == "#text":
            out.append(_text(v))
        elif not (isinstance(k, str) and k.startswith("@")):
            inner = True
            _write(out, str(k), v, item, "", newline, depth + 1)
    out.append((newline + "  " * depth if inner and newline is not None else "") + f"</{name}>")


def _plain(value):
    """What is neither text nor number as dict or list."""
    if value is None or isinstance(value, (str, int, float, dict, list, tuple)):
        return value
    from serai.data import default

    return default(value)


def _raw(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _text(value):
    """Text as XML has it; characters that XML cannot have are dropped."""
    text = _raw(value)
    if not text.isprintable():
        text = "".join(c for c in text if c in "\t\n\r" or c >= " " and c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff")
    return escape(text)


def _check_name(name):
    if not name or not (name[0].isalpha() or name[0] == "_") or not all(c.isalnum() or c in "_-.:" for c in name):
        raise ValueError(f"{name!r} cannot be the name of an XML element")
    return name
