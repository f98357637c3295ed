"""What a request has of channels other than HTTP.

A call that did not come over such a channel has nothing there: all values are
None, and to answer the broker is an error.
"""

from serai.amqp import Message
from serai.errors import Unsupported


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


class Delivery:
    """self.request.amqp of a call that a message has caused.

    The message is acknowledged when the call succeeds. When it fails, or
    answers with a status above 399, the message comes again, and is parked
    after a number of attempts that the channel has.
    """

    __slots__ = ("msg",)

    def __init__(self, envelope, body):
        #: The message: body, data, properties, headers.
        self.msg = Message(envelope, body, "message.")

    def ack(self):
        """Acknowledge the message when the call ends, whatever its status is; that is
        what a call that succeeds does anyway."""
        _decide(self.msg, "ack")

    def reject(self, requeue=False):
        """Have the message parked when the call ends; with requeue it comes
        again, as if the call had failed."""
        _decide(self.msg, "retry" if requeue else "reject")

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


class AMQP(_Nothing):
    """self.request.amqp of any other call."""

    __slots__ = ()
    _channel = "AMQP"
    _values = ("msg",)

    def ack(self):
        """Acknowledge the message."""
        raise Unsupported("self.request.amqp.ack: the call did not come over AMQP, there is no message to acknowledge")

    def reject(self):
        """Give the message back to the broker."""
        raise Unsupported("self.request.amqp.reject: the call did not come over AMQP, there is no message to reject")


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
