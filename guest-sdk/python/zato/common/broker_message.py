"""Names of messages to the broker. They can be named and not be sent: self.broker_client is refused."""

from enum import Enum


class SERVICE(Enum):
    """Messages about services."""

    PUBLISH = "service.publish"


class CHANNEL(Enum):
    """Messages about channels."""

    WEB_SOCKET_BROADCAST = "channel.web-socket-broadcast"


__all__ = ["CHANNEL", "SERVICE"]
