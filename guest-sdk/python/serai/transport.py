"""What a request has of channels other than HTTP.

A call that did not come over such a channel has nothing there: all values are
None, and to answer the broker is an error.
"""

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


class AMQP(_Nothing):
    """self.request.amqp."""

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
