"""The classes that tests of Zato services derive from."""

from serai.model import Model
from serai.service import Service

__all__ = ["Model", "Service"]
