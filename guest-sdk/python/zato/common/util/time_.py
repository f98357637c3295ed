"""Times and the milliseconds since 1970 that stand for them; UTC without a time zone."""

from datetime import datetime, timedelta, timezone

from zato.common.util.api import utcnow

_EPOCH = datetime(1970, 1, 1)


def datetime_from_ms(ms):
    """The time, as text, of milliseconds since 1970."""
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat()


def datetime_to_ms(value):
    """The milliseconds since 1970 of a time."""
    if value.tzinfo is not None:
        value = value.astimezone(timezone.utc).replace(tzinfo=None)
    return (value - _EPOCH) / timedelta(milliseconds=1)


def utcnow_as_ms():
    """Now, in seconds since 1970."""
    return (utcnow() - _EPOCH).total_seconds()


__all__ = ["datetime_from_ms", "datetime_to_ms", "utcnow", "utcnow_as_ms"]
