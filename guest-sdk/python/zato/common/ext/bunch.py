"""Dicts whose keys are attributes too."""

from serai.bunch import Bunch, bunchify, unbunchify

__all__ = ["Bunch", "bunchify", "unbunchify"]
