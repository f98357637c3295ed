"""What is wrong with an input, element by element.

A place in a document is None at its root and else a pair of the place around
it and a name or index, which costs little to make and is only spelled out
when something is wrong there.
"""

from serai._failure import secret
from serai.exception import BadRequest

MASK = "'***'"

#: How many problems of one input are reported, and how much of a value.
MOST, LONGEST = 100, 60


class Problems(list):
    """The texts of what is wrong with one input, in the order found.

    ``loose`` says that the data comes from a format that has no lists, such
    as XML or a form, where a single value may stand for a list of one.
    """

    __slots__ = ("loose", "service", "first")

    def __init__(self, loose=False, service=None):
        self.loose = loose
        #: The service whose input it is, for what models do after_created.
        self.service = service
        #: Kind and path of the first problem.
        self.first = None

    def missing(self, at):
        """An element that has to be there is not."""
        self._add("missing", where := path(at), f"Element missing: {where}")

    def not_a_list(self, at, value):
        """Something else is where a list has to be."""
        self._add("list", where := path(at), f"Element is not a list: {where} is {describe(value)}")

    def wrong(self, at, value, expected):
        """The value cannot be what the declaration says."""
        shown = MASK if _is_secret(at) else show(value)
        self._add("wrong", where := path(at), f"Element has a wrong value: {where} is {shown}, expected {expected}")

    def _add(self, kind, where, text):
        if self.first is None:
            self.first = kind, where
        if len(self) < MOST:
            self.append(text)
        elif len(self) == MOST:
            self.append("There is more of this")


def path(at):
    """The place as a JSON pointer, such as /customer/addresses/1/street."""
    parts = []
    while at is not None:
        at, name = at
        parts.append(str(name).replace("~", "~0").replace("/", "~1"))
    return "/" + "/".join(reversed(parts))


def _is_secret(at):
    """Whether the place, or one around it, has the name of a secret."""
    while at is not None:
        at, name = at
        if secret(name):
            return True
    return False


def show(value):
    """A short form of value for a message."""
    if isinstance(value, (dict, list)):
        return describe(value)
    if value is None or value is True or value is False:
        return describe(value)
    text = repr(value[:LONGEST] if isinstance(value, (str, bytes)) else value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def describe(value):
    """What kind of value it is, in the words of JSON."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, (list, tuple)):
        return "a list"
    return show(value)


class ModelValidationError(BadRequest):
    """400: the input is not what the service declares.

    ``elem_path`` is the path of the first element that is wrong, ``details``
    has the texts of all.
    """

    def __init__(self, elem_path, reason=None, details=None):
        self.elem_path = elem_path
        self.reason = self.msg = reason or self.get_reason()
        super().__init__(self.reason)
        self.details = details or [self.reason]

    def get_reason(self):
        """What is wrong, for people."""
        return f"Element has a wrong value: {self.elem_path}"


class ElementMissing(ModelValidationError):
    """400: an element that has to be there is not."""

    def get_reason(self):
        return f"Element missing: {self.elem_path}"


class ElementIsNotAList(ElementMissing):
    """400: something else is where a list has to be."""

    def get_reason(self):
        return f"Element is not a list: {self.elem_path}"


_KINDS = {"missing": ElementMissing, "list": ElementIsNotAList, "wrong": ModelValidationError}


def check(problems):
    """Raise the error that stands for problems, if there are any."""
    if problems:
        kind, where = problems.first
        raise _KINDS[kind](where, problems[0], list(problems))
