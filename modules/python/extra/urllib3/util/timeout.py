"""Timeout, of which the host takes the longest part."""


class Timeout:
    """Seconds for connecting, reading, or both."""

    def __init__(self, total=None, connect=None, read=None):
        self.total, self.connect_timeout, self.read_timeout = total, connect, read
