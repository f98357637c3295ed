"""Helpers that come with the platform, and Service, which the documentation imports from here."""

from serai import refuse
from serai.service import Service

HTMLService = refuse.base("HTMLService")
WebSocketsGateway = refuse.base("WSXHook")

__all__ = ["HTMLService", "Service", "WebSocketsGateway"]
