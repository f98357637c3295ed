"""Performs requests of serai test --record with the connections of this host."""

import base64

from serai import errors, host


def handle(request):
    asked = request.payload
    try:
        envelope, body = host.call("http.request", *asked["fields"], body=base64.b64decode(asked["body"] or ""))
    except errors.Error as exc:
        return {"error": exc.code, "detail": str(exc)}
    return {"fields": envelope.pairs(), "body": base64.b64encode(body or b"").decode()}
