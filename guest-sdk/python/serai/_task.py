"""What self.spawn returns: work that was done at once."""


class Task:
    """The outcome of a function, with the methods that services call on a greenlet."""

    __slots__ = ("exception", "value")

    def __init__(self, function, args, kwargs):
        #: What the function returned, or None if it failed.
        self.value = None
        #: What the function raised, or None.
        self.exception = None
        try:
            self.value = function(*args, **kwargs)
        except Exception as exc:
            self.exception = exc

    def get(self, block=True, timeout=None):
        """What the function returned; raises what it raised."""
        if self.exception is not None:
            raise self.exception
        return self.value

    def join(self, timeout=None):
        """Wait for the function, which has ended."""

    def ready(self):
        """True: the function has ended."""
        return True

    def successful(self):
        """Whether the function returned."""
        return self.exception is None

    dead = property(ready, doc="True: the function has ended.")
