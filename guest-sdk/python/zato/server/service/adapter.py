"""Adapters of older services: refused by what to use instead."""

from serai import refuse

JSONAdapter = refuse.base("JSONAdapter")
