"""Dicts whose keys are attributes too, by the names of the library bunch."""

from serai.bunch import Bunch, bunchify, unbunchify

__all__ = ["Bunch", "bunchify", "unbunchify"]
