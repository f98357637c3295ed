"""The names by which tests of Zato services import their test case."""

from serai.model import Model
from serai.service import Service
from serai.testing import ServiceTestCase

__all__ = ["Model", "Service", "ServiceTestCase"]
