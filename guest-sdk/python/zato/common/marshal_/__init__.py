"""The package of :mod:`zato.common.marshal_.api`."""
