"""Opening files as UTF-8 or bytes; files of a service can be read only."""


def open_r(path):
    """The text file at path."""
    return open(path, encoding="utf-8")


def open_rb(path):
    """The binary file at path."""
    return open(path, "rb")


__all__ = ["open_r", "open_rb"]
