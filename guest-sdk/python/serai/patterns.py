"""self.patterns: several services at once, and one until it succeeds.

All of it is durable: what a pattern has accepted goes on after a restart of
the host. Callbacks get a dict with source, target, response, req_ts_utc,
resp_ts_utc, ok, exception (class and message, or None) and cid.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from serai.data import default, encode
from serai.exception import ZatoException
from serai.host import call, milliseconds
from serai.invoke import _fields, add_services, invoke, service_of


#: A service by its name or class, and one or several of them.
Named = str | type[Any]
Some = Named | Sequence[Named] | None


class Parallel:
    """self.patterns.parallel"""

    def invoke(self, targets: Mapping[Any, Any], callbacks: Some = None, cid: str | None = None, *, on_target: Some = None) -> str:
        """Have all targets, a dict of services and their requests, called at
        the same time, and callbacks each time that one of them has answered.
        Returns the correlation id that all of these calls have."""
        return _group(targets, on_target or callbacks, None, cid)


class FanOut:
    """self.patterns.fanout"""

    def invoke(
        self, targets: Mapping[Any, Any], callbacks: Some = None, on_target: Some = None, cid: str | None = None, *, on_final: Some = None,
    ) -> str:
        """Have all targets, a dict of services and their requests, called at
        the same time, on_target each time that one of them has answered, and
        callbacks once all have. The latter get a dict with source, cid, ok
        (all of them are) and data: the outcomes by target. Returns the
        correlation id that the targets' calls have."""
        return _group(targets, on_target, on_final or callbacks, cid)


class InvokeRetry:
    """self.patterns.invoke_retry"""

    def invoke(
        self, name: Named, *args: Any, repeats: int = 5, seconds: float = 0, minutes: float = 0, async_fallback: bool = False,
        callback: Some = None, context: Any = None, cid: str | None = None, **kwargs: Any,
    ) -> Any:
        """Call a service, and if it fails, up to repeats times again with a
        pause of seconds or minutes. Returns its answer, or raises
        ZatoException from its last failure.

        With async_fallback the further calls are made without waiting:
        their correlation id is returned, and callback is called as by
        invoke_async.
        """
        pause = _pause(seconds, minutes)
        while True:
            try:
                return invoke(name, *args, **kwargs)
            except Exception as exc:
                failure = exc
            if async_fallback:
                return self._later(name, args, kwargs, max(0, repeats - 1), pause, callback, context, cid, delay=pause)
            if repeats <= 0:
                raise RetryFailed(cid, failure) from failure
            repeats -= 1
            time.sleep(pause)

    def invoke_async(
        self, name: Named, *args: Any, repeats: int = 5, seconds: float = 0, minutes: float = 0, callback: Some = None,
        context: Any = None, cid: str | None = None, **kwargs: Any,
    ) -> str:
        """Have a service called without waiting, and if it fails, up to
        repeats times again after seconds or minutes. Then callback gets the
        outcome with context in it. Returns the calls' correlation id."""
        return self._later(name, args, kwargs, repeats, _pause(seconds, minutes), callback, context, cid)

    def _later(self, name, args, kwargs, repeats, pause, callback, context, cid, delay=0):
        payload = args[0] if args else kwargs.pop("payload", "")
        data_format = kwargs.pop("data_format", "")
        fields = _fields(name, kwargs if kwargs and not payload else payload, data_format)
        fields += ("retry-times", str(repeats), "retry-every", milliseconds(pause))
        fields += ("context", json.dumps({} if context is None else context, default=default))
        if delay:
            fields += ("delay", milliseconds(delay))
        if cid:
            fields += ("cid", cid)
        add_services(fields, "callback", callback)
        envelope, _ = call("invoke.async", *fields, body=fields.body)
        return envelope.get("cid", "")


class RetryFailed(ZatoException):
    """A service failed each time; the last failure is the cause."""

    def __init__(self, cid, failure):
        super().__init__(cid, f"{type(failure).__name__}: {failure}")
        self.inner_exc = failure


class Patterns:
    """self.patterns"""

    __slots__ = ()

    #: Several services at once.
    parallel = Parallel()
    #: Several services at once, and others when all have answered.
    fanout = FanOut()
    #: A service until it succeeds.
    invoke_retry = InvokeRetry()


def _group(targets, on_target, on_final, cid):
    fields, bodies = [], []
    for target, payload in targets.items():
        content_type, body = encode(None if payload == "" else payload)
        body = body.encode() if isinstance(body, str) else bytes(body or b"")
        fields += ("service", service_of(target), "content-type", content_type or "", "size", str(len(body)))
        bodies.append(body)
    add_services(fields, "on-target", on_target)
    add_services(fields, "on-final", on_final)
    if cid:
        fields += ("cid", cid)
    envelope, _ = call("invoke.group", *fields, body=b"".join(bodies))
    return envelope.get("cid", "")


def _pause(seconds, minutes):
    """The pause between calls in seconds."""
    if bool(seconds) == bool(minutes):
        raise ValueError("say how long to wait between the calls: seconds or minutes")
    return float(seconds or minutes * 60)
