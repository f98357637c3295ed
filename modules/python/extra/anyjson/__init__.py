"""JSON by the names of the library anyjson, which older services import."""

from json import dumps, loads

serialize, deserialize = dumps, loads

__all__ = ["deserialize", "dumps", "loads", "serialize"]
