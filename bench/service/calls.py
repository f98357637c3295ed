"""How long self.invoke takes, as the caller sees it."""

import time

from serai import Service


class Callee(Service):
    name = "bench.callee"

    def handle(self):
        self.response.payload = {"hello": self.request.payload["name"]}


class Caller(Service):
    name = "bench.caller"

    def handle(self):
        took = []
        for _ in range(1000):
            began = time.perf_counter_ns()
            self.invoke("bench.callee", {"name": "Ada"})
            took.append(time.perf_counter_ns() - began)
        took.sort()
        self.response.payload = {"p50": took[500] / 1000, "p99": took[990] / 1000}
