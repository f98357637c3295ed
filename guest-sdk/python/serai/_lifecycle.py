"""The life of a service: what runs at deploy, and in which order around handle.

All of it is decided when the service is deployed: a class without hooks is
served as if there were none.
"""

import inspect
import time

from serai.exception import BadRequest, HTTPError
from serai.request import Response
from serai.service import Service, utcnow

#: Types of jobs, as in names of hooks.
JOBS = ("one_time", "interval_based", "cron_style")
#: Hooks around a call.
HOOKS = (
    "accept", "before_handle", "validate_input", "validate_output", "after_handle", "finalize_handle",
    "before_job", "after_job", *(f"{when}_{kind}_job" for kind in JOBS for when in ("before", "after")),
)


class Rejected(Exception):
    """before_add_to_store does not want the service to be deployed."""


def deploy(cls, logger):
    """Run the hooks of the deploy; raises what refuses it."""
    if not cls.call_hooks:
        return
    if _overrides(cls, "before_add_to_store"):
        wanted = _static(cls, "before_add_to_store", logger)
        if not wanted:
            raise Rejected(f"{cls.__name__}.before_add_to_store returned {wanted!r}, so the service is not deployed; return True to deploy it")
    if _overrides(cls, "after_add_to_store"):
        _static(cls, "after_add_to_store", logger)


def _static(cls, name, logger):
    """Call a hook of the class, which authors write as a static or class method, or as neither."""
    hook = getattr(cls, name)
    if inspect.isfunction(inspect.getattr_static(cls, name)) and hook.__code__.co_argcount - len(hook.__defaults__ or ()) > 1:
        return hook(cls, logger)
    return hook(logger)


def runner(cls):
    """The function that serves the call of an object of cls and returns what handle does."""
    run = _by_method(cls)
    if cls.call_hooks:
        run = _hooked(cls, run)
    if cls.slow_threshold:
        run = _timed(cls, run)
    return run


def answer(result, response):
    """The response that a returned value stands for."""
    if inspect.iscoroutine(result):
        import asyncio

        result = asyncio.run(result)
    if isinstance(result, Response):
        return result
    if result is not None and not response.has_payload:
        response.payload = result
    return response


def _by_method(cls):
    verbs = {name[7:]: getattr(cls, name) for name in dir(cls) if name.startswith("handle_") and name[7:].isupper()}
    if not verbs:
        return cls.handle
    allowed = sorted(verbs)

    def run(service):
        method = service.request.http.method
        if not method:  # not over HTTP
            return service.handle()
        handle = verbs.get(method)
        if handle is None:
            raise HTTPError(f"use {' or '.join(allowed)}", status=405, headers={"Allow": ", ".join(allowed)})
        return handle(service)

    return run


def _hooked(cls, run):
    own = {name for name in HOOKS if _overrides(cls, name)}
    if not own:
        return run
    accept, validate_input, validate_output = (name in own for name in ("accept", "validate_input", "validate_output"))
    before, after = _present(own, "before_handle"), _present(own, "after_handle")
    finalize = _present(own, "finalize_handle")
    jobs = {
        kind: (_present(own, "before_job", f"before_{kind}_job"), _present(own, "after_job", f"after_{kind}_job"))
        for kind in JOBS
    }

    def call(service):
        if accept and not service.accept():
            raise BadRequest("the service does not accept this request")
        begin, end = jobs.get(service.job_type, ((), ()))
        try:
            for name in begin + before:
                _quietly(service, name)
            if validate_input:
                service.validate_input()
            service.response = answer(run(service), service.response)
            if validate_output:
                service.validate_output()
        finally:
            service.handle_return_time = utcnow()
            for name in after + end + finalize:
                _quietly(service, name)
        return service.response

    return call


def _present(own, *names):
    return tuple(name for name in names if name in own)


def _overrides(cls, name):
    return inspect.getattr_static(cls, name) is not inspect.getattr_static(Service, name)


def _quietly(service, name):
    """Run a hook whose exceptions change nothing."""
    try:
        getattr(service, name)()
    except Exception:
        service.logger.exception("%s.%s failed; the call goes on", type(service).__name__, name)


def _timed(cls, run):
    limit = float(cls.slow_threshold)

    def call(service):
        start = time.perf_counter()
        try:
            return run(service)
        finally:
            took = (time.perf_counter() - start) * 1000
            if took > limit:
                service.logger.warning("the call took %d ms, slow_threshold of %s is %g ms", took, type(service).__name__, limit)

    return call
