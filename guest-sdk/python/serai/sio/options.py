"""What a declaration says besides its elements: defaults, empty values, formats."""

import csv

from serai.sio.elem import NotGiven

#: Attributes of class SimpleIO, with the types that they may have.
KNOWN = {
    "input": None, "output": None, "input_required": None, "input_optional": None, "output_required": None, "output_optional": None,
    "request_elem": (str, type(None)), "response_elem": (str, type(None)), "skip_empty_keys": (bool, str, list, tuple, set, frozenset),
    "force_empty_keys": (str, list, tuple, set, frozenset), "output_repeated": (bool,), "default_value": None,
    "default_input_value": None, "default_output_value": None, "bytes_to_str": (str, dict, type(None)), "allow_empty_required": (bool,),
}
CSV = {
    "csv_delimiter": "delimiter", "csv_double_quote": "doublequote", "csv_escape_char": "escapechar", "csv_line_terminator": "lineterminator",
    "csv_quote_char": "quotechar", "csv_quoting": "quoting", "csv_skip_initial_space": "skipinitialspace", "csv_strict": "strict",
    "csv_should_write_header": "should_write_header", "csv_dialect": "dialect",
}
XML = {"xml_namespace": "namespace", "xml_pretty_print": "pretty", "xml_encoding": "encoding", "xml_declaration": "declaration"}
_PREFIXES = ("input", "output", "default_", "skip_", "force_", "csv_", "xml_", "request_", "response_", "allow_", "bytes_")


class Options:
    """The options of one declaration."""

    __slots__ = (
        "default_input", "default_output", "skip_input", "force_input", "skip_output", "force_output", "response_elem", "repeated",
        "csv_read", "csv_write", "xml", "encoding",
    )

    def __init__(self, declared, owner):
        def get(name, default=None):
            return declared.get(name, default)

        default = get("default_value", NotGiven)
        own = get("default_input_value", NotGiven)
        self.default_input = own if own is not NotGiven else "" if default is NotGiven else default
        self.default_output = get("default_output_value", "")
        self.skip_input = self.force_input = frozenset()
        self.skip_output, self.force_output = names(get("skip_empty_keys")), names(get("force_empty_keys"))
        self._skip_class(get("SkipEmpty"), owner)
        self.response_elem = get("response_elem")
        self.repeated = bool(get("output_repeated"))
        encoding = get("bytes_to_str")
        self.encoding = (encoding.get("encoding") if isinstance(encoding, dict) else encoding) or "utf-8"
        self.csv_write = {CSV[name]: value for name, value in declared.items() if name in CSV}
        self.csv_read = {name: value for name, value in self.csv_write.items() if name not in ("should_write_header", "lineterminator")}
        self.xml = {XML[name]: value for name, value in declared.items() if name in XML}
        try:
            csv.reader([], **self.csv_read)
            "".encode(self.encoding)
        except (TypeError, LookupError, csv.Error) as exc:
            raise type(exc)(f"{owner}: {exc}") from None

    def _skip_class(self, skip, owner):
        if skip is None:
            return
        known = ("input", "output", "force_empty_input", "force_empty_output")
        for name in vars(skip):
            if not name.startswith("_") and name not in known:
                raise TypeError(f"{owner}.SkipEmpty: there is no attribute {name!r}; known are {', '.join(known)}")
        self.skip_input, self.skip_output = names(getattr(skip, "input", None)), names(getattr(skip, "output", None))
        self.force_input, self.force_output = names(getattr(skip, "force_empty_input", None)), names(getattr(skip, "force_empty_output", None))

    def skips_output(self, name):
        """Whether an output of that name is left out when it is empty."""
        return name in self.skip_output and name not in self.force_output

    def skips_input(self, name):
        """Whether an input of that name is left out when it is not given."""
        return name in self.skip_input and name not in self.force_input


class _All:
    """Contains every name."""

    def __contains__(self, name):
        return True


def names(value):
    """The names that an option means: all, none, one or some."""
    if value is True:
        return _All()
    if not value:
        return frozenset()
    return frozenset((value,) if isinstance(value, str) else value)


def declared(cls):
    """The declaration of a service class by attribute, and who declares it.

    What the class itself has counts like class SimpleIO in it.
    """
    owner = cls.__name__
    out = {}
    for name in ("input", "output", *(n for n in KNOWN if n not in ("input", "output"))):
        value = getattr(cls, name, None)
        if value is not None and (isinstance(value, type) or not callable(value) or _generic(value)) and not isinstance(value, property):
            out[name] = value
    for name in (*CSV, *XML):
        if hasattr(cls, name):
            out[name] = getattr(cls, name)
    inner = getattr(cls, "SimpleIO", None)
    if inner is None:
        return out, owner
    owner += ".SimpleIO"
    for base in reversed(inner.__mro__):
        for name, value in vars(base).items():
            if name.startswith("_"):
                continue
            if name in KNOWN or name in CSV or name in XML or name == "SkipEmpty":
                if base is inner and name in out and name in vars(cls):
                    raise TypeError(f"{owner}: {name} is declared here and in {cls.__name__} itself; keep one")
                out[name] = value
            elif name.startswith(_PREFIXES):
                raise TypeError(f"{owner}: there is no attribute {name!r}; known are {', '.join(sorted(KNOWN))}")
    for name, value in out.items():
        kinds = KNOWN.get(name)
        if kinds is not None and not isinstance(value, kinds):
            raise TypeError(f"{owner}: {name} cannot be {value!r}")
    return out, owner


def _generic(value):
    """Whether value is a type such as list_[Model], which can be called."""
    return hasattr(value, "__origin__")
