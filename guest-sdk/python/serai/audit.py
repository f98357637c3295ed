"""self.audit_pii: who did what with data about persons, in the service's log."""

import logging

from serai.data import dumps

_log = logging.getLogger("audit_pii")


class AuditPII:
    """Writes one record, a JSON object, for each event."""

    __slots__ = ()

    def _write(self, level, cid, op, current_user="", target_user="", result="", extra=""):
        event = {"cid": cid, "op": op, "current_user": current_user, "target_user": target_user, "result": result, "extra": extra}
        _log.log(level, "%s", dumps({name: value for name, value in event.items() if value != ""}))

    def info(self, cid, op, current_user="", target_user="", result="", extra=""):
        """Something happened as it should."""
        self._write(logging.INFO, cid, op, current_user, target_user, result, extra)

    def warn(self, cid, op, current_user="", target_user="", result="", extra=""):
        """Something happened that somebody should look at."""
        self._write(logging.WARNING, cid, op, current_user, target_user, result, extra)

    warning = warn

    def error(self, cid, op, current_user="", target_user="", result="", extra=""):
        """Something happened that must not."""
        self._write(logging.ERROR, cid, op, current_user, target_user, result, extra)
