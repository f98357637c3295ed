"""What a channel has received for a service, whatever system it came from::

    def handle(self):
        if not self.request.payload:
            self.request.message.reject()
        self.logger.info('entry %s', self.request.message.msg.id)
"""

from typing import Any

from serai.data import Bunch, decode

#: What messages of the kinds of channels say about themselves. Those of AMQP
#: have a class of their own, serai.amqp.Message.
FIELDS = {
    "redis": ("stream", "id", "redelivered", "channel", "pattern"),
    "sql": ("kind", "channel", "pid"),
}


class Received:
    """What all messages have in common."""

    __slots__ = ("raw", "_envelope")

    def __init__(self, envelope, body):
        self._envelope = envelope
        #: The body, bytes.
        self.raw: bytes = body

    @property
    def data(self) -> Any:
        """The body as objects if it is JSON, else as str or bytes."""
        return decode(self.raw, self._field("content-type") or "")

    @property
    def body(self) -> Any:
        """The body, str if it is text and else bytes."""
        try:
            return self.raw.decode("utf-8")
        except UnicodeDecodeError:
            return self.raw

    def _field(self, name):
        """What is said about the message under a name, None if nothing is."""
        raise NotImplementedError

    def __repr__(self):
        return f"<Message of {len(self.raw)} bytes>"


class Message(Received):
    """A message: its body, and as attributes what its system says about it."""

    __slots__ = ("_names",)

    def __init__(self, envelope, body):
        super().__init__(envelope, body)
        self._names = FIELDS.get(envelope.get("channel"), ())

    @property
    def fields(self):
        """What the system says about it, by name; what it does not say is not there."""
        return Bunch((name, value) for name in self._names if (value := getattr(self, name)) not in (None, False))

    def __getattr__(self, name):
        if name.startswith("_") or name not in self._names:
            raise AttributeError(f"a message has no {name!r}; it has {', '.join(self._names)}", name=name, obj=self)
        value = self._envelope.get("message." + name)
        return value == "1" if name == "redelivered" else value

    def _field(self, name):
        return self._envelope.get("header." + name)
