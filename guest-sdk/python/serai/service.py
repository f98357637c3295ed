"""The class that services derive from."""

import logging

from serai.config import Config
from serai.data import decode, encode
from serai.host import call, milliseconds
from serai.kv import KVDB
from serai.naming import impl_name, service_name
from serai.request import Request, Response
from serai.rest import Connections, Out


class Service:
    """A service: one atomic job with a name.

    Override :meth:`handle`, or ``handle_GET``, ``handle_POST`` and so on to
    serve these HTTP methods only. Every call has an instance of its own::

        class GetUser(Service):
            name = 'api.user.get'

            def handle(self):
                user = self.out.rest['CRM'].conn.get(self.cid, {'id': self.request.http.params.id})
                self.response.payload = {'name': user.data['name']}
    """

    #: The service's name; without one it is made of the module's and the class's.
    name = None

    #: The call: payload, raw, http and more.
    request: Request
    #: The answer: payload, status_code, headers, content_type.
    response: Response
    #: The service's logger; its records go to the host's log.
    logger = logging.getLogger("serai")
    #: Configuration values.
    config = Config()
    #: The key/value store.
    kvdb = KVDB()
    #: Outgoing connections by type.
    out = outgoing = Out()
    #: Outgoing REST connections.
    rest = Connections()

    def handle(self):
        """Serve the call: read self.request, set self.response.payload."""
        raise NotImplementedError(f"{type(self).__name__} has no method handle")

    @property
    def cid(self):
        """Correlation id of the call."""
        return self.request.cid

    @classmethod
    def get_name(cls):
        """The service's name."""
        return service_name(cls)

    @classmethod
    def get_impl_name(cls):
        """The name of the class itself, such as crm_api.GetUser."""
        return impl_name(cls)

    def invoke(self, name, payload=None, timeout=None, **kwargs):
        """Call another service and return the payload of its answer.

        name is a name or a class. Without a payload the keyword arguments are
        it. timeout is in seconds.
        """
        return invoke(name, kwargs if payload is None and kwargs else payload, timeout)

    def invoke_async(self, name, payload=None, **kwargs):
        """Have another service called without waiting; returns the call's id."""
        return invoke_async(name, kwargs if payload is None and kwargs else payload)

    def log_input(self, prefix=""):
        """Log what the call came with."""
        self.logger.info("%s%s", prefix, self.request.text)

    def log_output(self, prefix=""):
        """Log what the call is answered with."""
        self.logger.info("%s%s", prefix, self.response.payload)


def invoke(name, payload=None, timeout=None):
    """Call a service and return the payload of its answer."""
    fields = ["service", _name(name)]
    if timeout:
        fields += ("timeout", milliseconds(timeout))
    content_type, body = encode(payload)
    if content_type:
        fields += ("header.content-type", content_type)
    envelope, body = call("invoke", *fields, body=body)
    return decode(body, envelope.get("header.content-type", ""))


def invoke_async(name, payload=None):
    """Have a service called without waiting; returns the call's id."""
    fields = ["service", _name(name)]
    content_type, body = encode(payload)
    if content_type:
        fields += ("header.content-type", content_type)
    envelope, _ = call("invoke.async", *fields, body=body)
    return envelope.get("cid", "")


def _name(name):
    return name if isinstance(name, str) else name.get_name()
