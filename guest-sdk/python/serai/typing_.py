"""Short names for types, as models and signatures use them.

``list_[str]`` is the same as ``list[str]``, ``optional[int]`` the same as
``int | None``; both forms work wherever a type is declared.
"""

import dataclasses as _dataclasses
import typing as _typing
from collections.abc import Callable, Generator, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO, TypeVar

any_ = Any
binary_ = binaryio_ = BinaryIO
bool_ = bool
bytesio_ = BytesIO
callable_ = Callable
cast_ = _typing.cast
class_ = type
datetime_ = datetime
decimal_ = Decimal
dict_ = _typing.Dict
generator_ = Generator
iterable_ = Iterable
iterator_ = Iterator
list_ = _typing.List
literal_ = _typing.Literal
noreturn = _typing.NoReturn
optional = _typing.Optional
set_ = _typing.Set
stringio_ = StringIO
textio_ = TextIO
tuple_ = _typing.Tuple
type_ = _typing.Type
typealias_ = getattr(_typing, "TypeAlias", Any)
typevar_ = TypeVar
union_ = _typing.Union

anydict = dict[Any, Any]
anydictnone = optional[anydict]
anylist = list[Any]
anylistnone = optional[anylist]
anynone = optional[Any]
anyset = set[Any]
anysetnone = optional[anyset]
anytuple = tuple[Any, ...]
boolnone = optional[bool]
byteslist = list[bytes]
bytesnone = optional[bytes]
callnone = optional[Callable]
commoniter = list | tuple
decnone = decimalnone = optional[Decimal]
dictlist = list[anydict]
dictnone = optional[dict]
dictorlist = dict | list
dtnone = datetimenone = optional[datetime]
floatnone = optional[float]
intanydict = dict[int, Any]
intdict = dict[int, int]
intdictdict = dict[int, anydict]
intlist = list[int]
intlistdict = dict[int, list]
intlistnone = optional[intlist]
intnone = optional[int]
intset = set[int]
intsetdict = dict[int, anyset]
intstrdict = dict[int, str]
iterbytes_ = iterable_[bytes]
listnone = optional[list]
listorunicode = str | list
set_of_str = strset = set[str]
strany = strdict = dict[str, Any]
strbooldict = dict[str, bool]
strbytes = str | bytes
strcalldict = dict[str, Callable]
strdictdict = dict[str, anydict]
strdictlist = dict[str, list]
strdictnone = optional[strdict]
strint = str | int
strintbool = str | int | bool
strintdict = dict[str, int]
strintnone = str | int | None
strlist = list[str]
strlistdict = dict[str, list[Any]]
strlistnone = optional[strlist]
strnone = optional[str]
strordict = str | dict
strordictnone = str | dict | None
strorfloat = str | float
strorlist = str | list
strorlistnone = str | list | None
strsetdict = dict[str, set[Any]]
strstrdict = dict[str, str]
strtuple = tuple[str, ...]
strtupnone = optional[strtuple]
textionone = optional[TextIO]
tupnone = optional[tuple]
tuplist = list[tuple]

#: Fields of a dataclass that begin as an empty container.
list_field = intlistempty = strlistempty = anylistempty = lambda: _dataclasses.field(default_factory=list)
dict_field = lambda: _dataclasses.field(default_factory=dict)  # noqa: E731
set_field = lambda: _dataclasses.field(default_factory=set)  # noqa: E731

__all__ = [name for name in globals() if not name.startswith("_")]  # noqa: PLE0604
