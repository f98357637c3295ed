"""JSON, as services write it: values that json does not know have their usual form."""

import json

from serai import data

load, loads = json.load, json.loads


def dumps(value, **kwargs):
    """The JSON text of value; the options are those of json.dumps."""
    return json.dumps(value, **{"default": data.default, **kwargs})


def dump(value, file, **kwargs):
    """Write the JSON text of value to file."""
    file.write(dumps(value, **kwargs))


__all__ = ["dump", "dumps", "load", "loads"]
