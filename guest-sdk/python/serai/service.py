"""The class that services derive from."""

import logging
import time
from datetime import datetime, timedelta, timezone
from functools import cached_property

from serai import refuse
from serai._mask import masked
from serai._task import Task
from serai.audit import AuditPII
from serai.cache import Caches
from serai.channel import Channel, wsgi_environ
from serai.clock import Clock
from serai.config import Config
from serai.crypto import Crypto
from serai.data import Bunch
from serai.invoke import invoke, invoke_async, invoke_by_id, invoke_by_impl_name, service_of
from serai.kv import KVDB
from serai.lock import Lock
from serai.naming import impl_name, service_name
from serai.patterns import Patterns
from serai.request import Request, Response
from serai.rest import Connections, Out
from serai.schedule import Schedule
from serai.translate import translate


@refuse.attributes(refuse.SERVICE, "self")
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
    #: Whether the hooks, such as before_handle, are called.
    call_hooks = True
    #: A call that takes longer, in milliseconds, is logged as a warning; 0 is never.
    slow_threshold = 0
    #: The services that this one invokes: a note for readers, grants decide.
    invokes = ()
    #: How often the service has been called: 0, for every call is the first.
    usage = 0

    #: The call: payload, raw, http and more.
    request: Request
    #: The answer: payload, status_code, headers, content_type.
    response: Response
    #: The service's logger; its records go to the host's log.
    logger = logging.getLogger("serai")
    #: Configuration values.
    config = user_config = static_config = Config()
    #: The key/value store.
    kvdb = KVDB()
    #: Caches by name.
    cache = Caches()
    #: Encryption and hashing.
    crypto = Crypto()
    #: The time in any form.
    time = Clock()
    #: What a value of one system is in another.
    translate = staticmethod(translate)
    #: Outgoing connections by type.
    out = outgoing = Out()
    #: Outgoing REST connections.
    rest = Connections()
    #: Outgoing AMQP connections.
    amqp = out.amqp
    #: Log of what is done with data about persons.
    audit_pii = AuditPII()

    #: When handle returned; None before that.
    handle_return_time = None

    # --- Serving ----------------------------------------------------------

    def handle(self):
        """Serve the call: read self.request, set self.response.payload."""
        raise NotImplementedError(f"{type(self).__name__} has no method handle")

    # --- Hooks, in the order in which they run -----------------------------

    @classmethod
    def before_add_to_store(cls, logger):
        """Runs at deploy; the service is deployed only if it returns True."""
        return True

    @staticmethod
    def after_add_to_store(logger):
        """Runs at deploy, after before_add_to_store."""

    def accept(self):
        """Whether to serve the call; if not, the client gets 400."""
        return True

    def before_job(self):
        """Runs before handle if the scheduler calls."""

    def before_one_time_job(self):
        """Runs before handle if a job calls that runs once."""

    def before_interval_based_job(self):
        """Runs before handle if a job calls that runs at intervals."""

    def before_cron_style_job(self):
        """Runs before handle if a job calls that runs at given times."""

    def before_handle(self):
        """Runs before handle. What it raises is logged and changes nothing."""

    def validate_input(self):
        """Runs before handle; raise an exception to end the call with it."""

    def validate_output(self):
        """Runs after handle; raise an exception to end the call with it."""

    def after_handle(self):
        """Runs after handle, also if that raised an exception."""

    def after_job(self):
        """Runs after handle if the scheduler calls."""

    def after_one_time_job(self):
        """Runs after handle if a job calls that runs once."""

    def after_interval_based_job(self):
        """Runs after handle if a job calls that runs at intervals."""

    def after_cron_style_job(self):
        """Runs after handle if a job calls that runs at given times."""

    def finalize_handle(self):
        """Runs last, also if handle raised an exception."""

    # --- Context ------------------------------------------------------------

    @classmethod
    def get_name(cls):
        """The service's name."""
        return service_name(cls)

    @classmethod
    def get_impl_name(cls):
        """The name of the class itself, such as crm_api.GetUser."""
        return impl_name(cls)

    @property
    def impl_name(self):
        """The name of the class itself, such as crm_api.GetUser."""
        return impl_name(type(self))

    @property
    def cid(self):
        """Correlation id of the call."""
        return self.request.cid

    @property
    def in_reply_to(self):
        """Of a callback, the correlation id of the call that it is about; else ''."""
        return self.request.field("in-reply-to", "")

    @property
    def data_format(self):
        """Data format of the channel, such as json; '' if it has none."""
        return self.request.field("data-format", "")

    @property
    def transport(self):
        """plain_http for a call over HTTP, else ''."""
        return "plain_http" if self.request.field("method") else ""

    @property
    def job_type(self):
        """Of a call by the scheduler: one_time, interval_based or cron_style; else ''."""
        return self.request.field("job-type", "")

    @cached_property
    def channel(self):
        """How the call came, and who called: name, type, data_format, security."""
        return Channel(self.request._envelope)

    @property
    def chan(self):
        """The same as channel."""
        return self.channel

    @cached_property
    def environ(self):
        """A place for hooks and handle to leave each other values; empty at first."""
        return Bunch()

    @cached_property
    def wsgi_environ(self):
        """What a WSGI server would say of the call: a dict, empty unless it came over HTTP."""
        return wsgi_environ(self.request._envelope, self.request.raw, self.response)

    @cached_property
    def invocation_time(self):
        """When the host handed the call to the service, UTC without a time zone."""
        began = self.request.field("began")
        return datetime.fromtimestamp(int(began) / 1e9, timezone.utc).replace(tzinfo=None) if began else utcnow()

    @property
    def processing_time_raw(self):
        """How long the call has taken until now or, in hooks after handle, until that returned."""
        return max(timedelta(), (self.handle_return_time or utcnow()) - self.invocation_time)

    @property
    def processing_time(self):
        """The same in whole milliseconds."""
        return round(self.processing_time_raw.total_seconds() * 1000)

    # --- Calls and work -------------------------------------------------------

    #: Call another service and return the payload of its answer.
    invoke = staticmethod(invoke)
    #: Call the service whose class has that full name, such as crm_api.GetUser.
    invoke_by_impl_name = staticmethod(invoke_by_impl_name)
    #: Call a service by its id, which in Serai is its name.
    invoke_by_id = staticmethod(invoke_by_id)
    #: Have another service called without waiting; returns the call's correlation id.
    invoke_async = staticmethod(invoke_async)

    def new_instance(self, name):
        """An instance of another service of the same upload, given by name or
        class, with this call's request and an answer of its own."""
        for cls in _below(Service):
            if cls is name or isinstance(name, str) and cls.get_name() == name:
                instance = cls()
                instance.request, instance.response = self.request, Response()
                return instance
        raise LookupError(f"this upload has no service {service_of(name)!r}: use self.invoke to call one of another upload")

    #: Several services at once, and one until it succeeds.
    patterns = Patterns()
    #: Services that are called at a time.
    schedule = Schedule()

    def lock(self, name="", ttl=20, block=10):
        """A lock to hold in a with block: one call of the tenant at a time.

        Without a name it is the service's own. It is given up after ttl
        seconds at the latest; LockTimeout says that others held it for block
        seconds.
        """
        return Lock(name or self.get_name(), ttl, block)

    def run_in_thread(self, function, *args, **kwargs):
        """Call the function at once, since there are no threads, and return its outcome.

        The outcome has get(), which returns or raises what the function did, and
        join(), ready(), value and exception.
        """
        return Task(function, args, kwargs)

    spawn = run_in_thread

    def sleep(self, seconds=1):
        """Wait; the host serves other calls meanwhile."""
        time.sleep(seconds)

    # --- Logs -------------------------------------------------------------------

    def log_input(self, user_msg="", level=logging.INFO, suppress_keys=None):
        """Log what the call came with; values of secret names are masked."""
        self.logger.log(level, "%s%s", user_msg, masked(self.request.payload))

    def log_output(self, user_msg="", level=logging.INFO, suppress_keys=None):
        """Log what the call is answered with; values of secret names are masked."""
        self.logger.log(level, "%s%s", user_msg, masked(self.response.payload))


def _below(cls):
    """The classes that derive from cls, in every degree."""
    for derived in cls.__subclasses__():
        yield derived
        yield from _below(derived)


def utcnow():
    """Now, UTC without a time zone."""
    return datetime.now(timezone.utc).replace(tzinfo=None)
