"""The standard library's dataclasses, with the decorator of models."""

from dataclasses import MISSING, Field, InitVar, asdict, astuple, field, fields, is_dataclass, make_dataclass, replace

from serai.model import dataclass

__all__ = [
    "MISSING", "Field", "InitVar", "asdict", "astuple", "dataclass", "field", "fields", "is_dataclass", "make_dataclass", "replace",
]
