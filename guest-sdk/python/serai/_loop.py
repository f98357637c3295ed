"""asyncio without sockets: timers, tasks and queues, which is all of it that
waits for nothing outside of the interpreter."""

import time
from asyncio import base_events, events


class Idle:
    """The selector's part: the loop waits for the next timer here."""

    def select(self, timeout):
        if timeout is None:
            raise RuntimeError("asyncio: every task waits and nothing is left that could wake one")
        if timeout > 0:
            time.sleep(timeout)
        return ()

    def get_map(self):
        return {}

    def close(self):
        pass


class Loop(base_events.BaseEventLoop):
    """An event loop of tasks and timers."""

    def __init__(self):
        super().__init__()
        self._selector = Idle()

    def _process_events(self, event_list):
        pass

    def _write_to_self(self):
        pass

    def run_in_executor(self, executor, func, *args):
        """Run func at once: there are no threads that could run it meanwhile."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            future.set_exception(exc)
        return future

    async def shutdown_default_executor(self, timeout=None):
        """Nothing to shut down."""

    async def getaddrinfo(self, host, port, **kwargs):
        import socket

        return socket.getaddrinfo(host, port)

    async def create_connection(self, *args, **kwargs):
        import socket

        socket.socket()

    create_server = create_datagram_endpoint = create_unix_connection = create_unix_server = create_connection

    async def subprocess_exec(self, *args, **kwargs):
        import subprocess

        subprocess.Popen(args)

    subprocess_shell = subprocess_exec


class Policy(events.BaseDefaultEventLoopPolicy):
    """Makes loops of the kind above."""

    _loop_factory = Loop

