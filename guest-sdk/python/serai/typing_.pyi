"""The types of serai.typing_: what a module can say only at run time."""

from collections.abc import Callable, Generator, Iterable, Iterator
from collections.abc import Callable as callable_
from collections.abc import Generator as generator_
from collections.abc import Iterable as iterable_
from collections.abc import Iterator as iterator_
from datetime import datetime
from datetime import datetime as datetime_
from decimal import Decimal
from io import BytesIO, StringIO
from decimal import Decimal as decimal_
from io import BytesIO as bytesio_
from io import StringIO as stringio_
from typing import Any as any_
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO, TypeVar
from typing import BinaryIO as binary_
from typing import BinaryIO as binaryio_
from typing import Dict as dict_
from typing import List as list_
from typing import Literal as literal_
from typing import NoReturn as noreturn
from typing import Optional as optional
from typing import Set as set_
from typing import TextIO as textio_
from typing import Tuple as tuple_
from typing import Type as type_
from typing import TypeAlias as typealias_
from typing import TypeVar as typevar_
from typing import Union as union_
from typing import cast as cast_

bool_ = bool
class_ = type
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
decnone = optional[Decimal]
decimalnone = optional[Decimal]
dictlist = list[anydict]
dictnone = optional[dict]
dictorlist = dict | list
dtnone = optional[datetime]
datetimenone = optional[datetime]
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
set_of_str = set[str]
strset = set[str]
strany = dict[str, Any]
strdict = dict[str, Any]
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

__all__ = [
    "Any",
    "BinaryIO",
    "BytesIO",
    "Callable",
    "Decimal",
    "Generator",
    "Iterable",
    "Iterator",
    "StringIO",
    "TYPE_CHECKING",
    "TextIO",
    "TypeVar",
    "any_",
    "anydict",
    "anydictnone",
    "anylist",
    "anylistempty",
    "anylistnone",
    "anynone",
    "anyset",
    "anysetnone",
    "anytuple",
    "binary_",
    "binaryio_",
    "bool_",
    "boolnone",
    "bytesio_",
    "byteslist",
    "bytesnone",
    "callable_",
    "callnone",
    "cast_",
    "class_",
    "commoniter",
    "datetime",
    "datetime_",
    "datetimenone",
    "decimal_",
    "decimalnone",
    "decnone",
    "dict_",
    "dict_field",
    "dictlist",
    "dictnone",
    "dictorlist",
    "dtnone",
    "floatnone",
    "generator_",
    "intanydict",
    "intdict",
    "intdictdict",
    "intlist",
    "intlistdict",
    "intlistempty",
    "intlistnone",
    "intnone",
    "intset",
    "intsetdict",
    "intstrdict",
    "iterable_",
    "iterator_",
    "iterbytes_",
    "list_",
    "list_field",
    "listnone",
    "listorunicode",
    "literal_",
    "noreturn",
    "optional",
    "set_",
    "set_field",
    "set_of_str",
    "strany",
    "strbooldict",
    "strbytes",
    "strcalldict",
    "strdict",
    "strdictdict",
    "strdictlist",
    "strdictnone",
    "stringio_",
    "strint",
    "strintbool",
    "strintdict",
    "strintnone",
    "strlist",
    "strlistdict",
    "strlistempty",
    "strlistnone",
    "strnone",
    "strordict",
    "strordictnone",
    "strorfloat",
    "strorlist",
    "strorlistnone",
    "strset",
    "strsetdict",
    "strstrdict",
    "strtuple",
    "strtupnone",
    "textio_",
    "textionone",
    "tuple_",
    "tuplist",
    "tupnone",
    "type_",
    "typealias_",
    "typevar_",
    "union_",
]

def list_field() -> Any: ...
def intlistempty() -> Any: ...
def strlistempty() -> Any: ...
def anylistempty() -> Any: ...
def dict_field() -> Any: ...
def set_field() -> Any: ...
