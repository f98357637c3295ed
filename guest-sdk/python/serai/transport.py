"""What a request has of channels other than HTTP.

A call that did not come over such a channel has nothing there: all values are
None, and to answer the broker is an error.
"""

from serai import amqp
from serai.errors import Unsupported
from serai.message import FIELDS, Message


class _Nothing:
    """Values of a channel that the call did not come over."""

    __slots__ = ()
    _channel = ""
    _values = ()

    def __getattr__(self, name):
        if name in self._values:
            return None
        raise AttributeError(f"a call over {self._channel} has no {name!r}; it has {', '.join(self._values)}", name=name, obj=self)

    def __bool__(self):
        return False

    def __repr__(self):
        return f"<no call over {self._channel}>"


#: The channels of the ABI that hand messages to services: the class of their messages.
MESSAGES = {"amqp": lambda envelope, body: amqp.Message(envelope, body, "message."), **dict.fromkeys(FIELDS, Message)}


class Delivery:
    """self.request.message of a call that a message has caused, and
    self.request.amqp, redis or sql by the system that it came from.

    The message is acknowledged when the call succeeds. When it fails, or
    answers with a status above 399, the message comes again, and is parked
    after a number of attempts that the channel has.
    """

    __slots__ = ("kind", "msg")

    def __init__(self, envelope, body):
        #: The kind of the channel: amqp, redis or sql.
        self.kind = envelope.get("channel")
        #: The message: its body and data, and what its system says about it.
        self.msg = MESSAGES[self.kind](envelope, body)

    def ack(self):
        """Acknowledge the message when the call ends, whatever its status is; that is
        what a call that succeeds does anyway."""
        _decide(self.msg, "ack")

    def reject(self, requeue=False):
        """Have the message parked when the call ends; with requeue it comes
        again, as if the call had failed."""
        _decide(self.msg, "retry" if requeue else "reject")

    def retry(self):
        """The same as reject(requeue=True)."""
        _decide(self.msg, "retry")

    def __bool__(self):
        return True


#: What the service has decided about its message: the call's cid and the decision.
_decided = None


def _decide(message, what):
    global _decided
    _decided = (message._envelope.get("cid"), what)


def decision(envelope):
    """What the service has decided about the message of the call, or None."""
    global _decided
    found, _decided = _decided, None
    return found[1] if found and found[0] == envelope.get("cid") else None


class NoMessage(_Nothing):
    """self.request.message of any other call."""

    __slots__ = ()
    _channel, _name = "a channel of messages", "message"
    _values = ("kind", "msg")

    def ack(self):
        """Acknowledge the message."""
        self._refuse("ack", "acknowledge")

    def reject(self, requeue=False):
        """Have the message parked."""
        self._refuse("reject", "reject")

    def retry(self):
        """Have the message come again."""
        self._refuse("retry", "try again")

    def _refuse(self, method, what):
        raise Unsupported(f"self.request.{self._name}.{method}: the call did not come over {self._channel}, there is no message to {what}")


class AMQP(NoMessage):
    """self.request.amqp of any other call."""

    __slots__ = ()
    _channel, _name = "AMQP", "amqp"


class Redis(NoMessage):
    """self.request.redis of any other call."""

    __slots__ = ()
    _channel, _name = "Redis", "redis"


class SQL(NoMessage):
    """self.request.sql of any other call."""

    __slots__ = ()
    _channel, _name = "a database", "sql"


class IBMMQ(_Nothing):
    """self.request.ibm_mq."""

    __slots__ = ()
    _channel = "IBM MQ"
    _values = ("data", "msg_id", "correlation_id", "timestamp", "put_date", "put_time", "reply_to", "mqmd")


class HL7(_Nothing):
    """self.request.hl7."""

    __slots__ = ()
    _channel = "HL7"
    _values = ("connection", "data")


class SOAP(_Nothing):
    """self.request.soap."""

    __slots__ = ()
    _channel = "SOAP"
    _values = ("action", "body", "headers", "invoke_input", "message")
