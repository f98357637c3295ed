"""The package of :mod:`zato.server.service`."""
