"""The test case of tests of Zato services."""

from serai.testing import ServiceTestCase

__all__ = ["ServiceTestCase"]
