"""For tests of services, which ``serai test`` runs.

Tests are pytest's. They run in a sandbox of a host of their own, without a
server and without network: what connections lead to is scripted::

    from serai.testing import call, requests_to, set_response

    def test_user():
        set_response('CRM', {'name': 'Ada'}, path='/user/*')
        reply = call('GET', '/user/7')
        assert reply.status_code == 200
        assert reply.json() == {'name': 'Ada'}
        assert requests_to('CRM')[0].path == '/user/7'

:func:`call` goes through the host's gateway and :func:`invoke` to a service by
its name; both run the service as in production, in a pristine instance.
:func:`run` runs a class within the test itself, where its code can be patched.
Every test begins without keys, scripted replies and configuration values that
other tests left.
"""

from serai.testing._call import Reply, call
from serai.testing._run import Result, run
from serai.testing._stage import Record, Request, logs, requests_to, set_config, set_response, wait_async
from serai.testing._case import ServiceTestCase
from serai import invoke, invoke_async

__all__ = [
    "Record", "Reply", "Request", "Result", "ServiceTestCase",
    "call", "invoke", "invoke_async", "logs", "requests_to", "run", "set_config", "set_response", "wait_async",
]
