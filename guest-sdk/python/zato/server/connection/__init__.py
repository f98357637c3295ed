"""The package of :mod:`zato.server.connection.http_soap`."""
