"""The package of :mod:`zato.common.ext.dataclasses` and :mod:`zato.common.ext.bunch`."""
