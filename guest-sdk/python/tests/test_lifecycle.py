"""Hooks: which run, when, and what their exceptions do."""

import logging
import unittest

from serai import Service, _lifecycle, exception
from serai.request import Request, Response
from tests.fake import Envelope


def serve(cls, *fields):
    """The response and the service object of one call."""
    service = cls()
    service.request, service.response = Request(Envelope(fields), b""), Response()
    result = _lifecycle.runner(cls)(service)
    return _lifecycle.answer(result, service.response), service


def traced(*names, base=Service, **attributes):
    """A service whose hooks of these names note that they ran."""
    ran = []

    def hook(name):
        return lambda self: ran.append(name) or True

    body = {name: hook(name) for name in names}
    body["handle"] = lambda self: ran.append("handle")
    return type("Traced", (base,), {**body, **attributes}), ran


AROUND = ("finalize_handle", "after_handle", "validate_output", "validate_input", "before_handle", "accept")


class Order(unittest.TestCase):
    def test_around_a_call(self):
        cls, ran = traced(*AROUND)
        serve(cls)
        self.assertEqual(ran, ["accept", "before_handle", "validate_input", "handle", "validate_output", "after_handle", "finalize_handle"])

    def test_jobs_by_type(self):
        for kind in _lifecycle.JOBS:
            with self.subTest(kind):
                cls, ran = traced(*_lifecycle.HOOKS)
                serve(cls, "channel", "scheduler", "job-type", kind)
                self.assertEqual(ran, [
                    "accept", "before_job", f"before_{kind}_job", "before_handle", "validate_input", "handle", "validate_output",
                    "after_handle", "after_job", f"after_{kind}_job", "finalize_handle",
                ])
        cls, ran = traced("before_job", "after_job")
        serve(cls)
        self.assertEqual(ran, ["handle"])

    def test_hooks_of_a_base_class_count(self):
        base, ran = traced("before_handle")
        serve(type("Child", (base,), {}))
        self.assertEqual(ran, ["before_handle", "handle"])

    def test_call_hooks_turns_them_off(self):
        cls, ran = traced(*AROUND, call_hooks=False)
        serve(cls)
        self.assertEqual(ran, ["handle"])

    def test_a_class_without_hooks_is_called_as_it_is(self):
        cls, _ = traced()
        self.assertIs(_lifecycle.runner(cls), cls.handle)


class Outcomes(unittest.TestCase):
    def test_accept_refuses(self):
        cls, ran = traced("after_handle", accept=lambda self: False)
        with self.assertRaises(exception.BadRequest):
            serve(cls)
        self.assertEqual(ran, [])

    def test_after_hooks_run_when_handle_raises(self):
        def handle(self):
            raise ZeroDivisionError

        cls, ran = traced("validate_output", "after_handle", "finalize_handle")
        cls.handle = handle
        with self.assertRaises(ZeroDivisionError):
            serve(cls)
        self.assertEqual(ran, ["after_handle", "finalize_handle"])

    def test_before_and_after_are_logged_and_swallowed(self):
        def broken(self):
            raise exception.Forbidden("no")

        cls, ran = traced("validate_input", before_handle=broken, after_handle=broken, finalize_handle=broken, logger=logging.getLogger("hooks"))
        with self.assertLogs("hooks", "ERROR") as logs:
            serve(cls)
        self.assertEqual(ran, ["validate_input", "handle"])
        self.assertEqual([r.getMessage() for r in logs.records],
                         [f"Traced.{name} failed; the call goes on" for name in ("before_handle", "after_handle", "finalize_handle")])

    def test_validation_ends_the_call(self):
        def broken(self):
            raise exception.Conflict("no")

        for name, want in (("validate_input", []), ("validate_output", ["handle"])):
            cls, ran = traced("after_handle", **{name: broken})
            with self.subTest(name), self.assertRaises(exception.Conflict):
                serve(cls)
            self.assertEqual(ran, [*want, "after_handle"])

    def test_hooks_see_and_change_what_handle_returned(self):
        class Doubled(Service):
            def handle(self):
                return {"n": 1}

            def after_handle(self):
                self.response.payload["n"] *= 2
                assert self.handle_return_time >= self.invocation_time

        self.assertEqual(serve(Doubled)[0].payload, {"n": 2})

    def test_hooks_wait_for_a_coroutine(self):
        class Async(Service):
            async def handle(self):
                return "done"

            def validate_output(self):
                assert self.response.payload == "done"

        self.assertEqual(serve(Async)[0].payload, "done")

    def test_slow_calls_are_logged(self):
        class Slow(Service):
            slow_threshold = 0.000001
            logger = logging.getLogger("slow")

            def handle(self):
                return 1

        with self.assertLogs("slow", "WARNING") as logs:
            self.assertEqual(serve(Slow)[0].payload, 1)
        self.assertIn("slow_threshold of Slow", logs.output[0])


class Methods(unittest.TestCase):
    class ByMethod(Service):
        def handle(self):
            return "any"

        def handle_GET(self):
            return "get"

        def handle_DELETE(self):
            return "delete"

    def test_by_http_method(self):
        for fields, want in ((("method", "GET"), "get"), (("method", "DELETE"), "delete"), ((), "any")):
            self.assertEqual(serve(self.ByMethod, *fields)[0].payload, want)

    def test_others_are_not_allowed(self):
        with self.assertRaises(exception.HTTPError) as caught:
            serve(self.ByMethod, "method", "POST")
        self.assertEqual((caught.exception.status, caught.exception.headers), (405, {"Allow": "DELETE, GET"}))


class Deploys(unittest.TestCase):
    logger = logging.getLogger("deploy")

    def deploy(self, **body):
        _lifecycle.deploy(type("Deployed", (Service,), body), self.logger)

    def test_both_hooks_in_every_form(self):
        ran = []

        def one(logger):
            ran.append(logger)
            return True

        def two(cls, logger):
            ran.append((cls.__name__, logger))
            return True

        for hook in (staticmethod(one), classmethod(two), one, two):
            self.deploy(before_add_to_store=hook, after_add_to_store=hook)
        named = ("Deployed", self.logger)
        self.assertEqual(ran, [self.logger] * 2 + [named] * 2 + [self.logger] * 2 + [named] * 2)

    def test_what_refuses_a_deploy(self):
        for value in (False, None, 0):
            with self.subTest(value=value), self.assertRaisesRegex(_lifecycle.Rejected, "return True to deploy it"):
                self.deploy(before_add_to_store=lambda logger, value=value: value)

        def broken(logger):
            raise ZeroDivisionError

        with self.assertRaises(ZeroDivisionError):
            self.deploy(before_add_to_store=broken)

    def test_call_hooks_turns_them_off(self):
        self.deploy(call_hooks=False, before_add_to_store=lambda logger: False)


if __name__ == "__main__":
    unittest.main()
