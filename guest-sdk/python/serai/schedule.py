"""self.schedule: services that are called at a time."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from serai.host import call, milliseconds
from serai.invoke import _fields


class Schedule:
    """self.schedule"""

    __slots__ = ()

    def onetime(
        self, invoking_service: Any, target: str | type[Any], name: str = "", prefix: str = "", start_date: str | datetime = "",
        after_seconds: float = 0, after_minutes: float = 0, data: Any = "",
    ) -> str:
        """Have target, a name or a class, called once: at start_date, a
        datetime or ISO 8601 text in UTC unless it says otherwise, or after
        so many seconds and minutes; at once if that is in the past. data is
        its payload. Returns the job's id.

        The job is durable. target is told of it by self.channel.type
        'scheduler' and self.job_type 'one_time'. A job has a name: name, or one
        that is made of prefix, the invoking service's name and target's.
        """
        fields = _fields(target, data)
        if not name:
            name = " ".join(filter(None, (prefix, invoking_service.get_name(), fields[1])))
        delay = _until(start_date) if start_date else after_seconds + after_minutes * 60
        if delay > 0:
            fields += ("delay", milliseconds(delay))
        fields += ("job-name", name[:128].rstrip())
        envelope, _ = call("invoke.async", *fields, body=fields.body)
        return envelope.get("cid", "")


def _until(when):
    """Seconds until a time."""
    if isinstance(when, str):
        try:
            when = datetime.fromisoformat(when)
        except ValueError:
            raise ValueError(f"start_date {when!r}: use ISO 8601, such as 2027-01-31T12:30:00") from None
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return (when - datetime.now(timezone.utc)).total_seconds()
