"""Values for logs, without secrets."""

from serai._failure import secret

#: What stands for a secret.
MASK = "***"


def masked(value):
    """A copy of value in which what has the name of a secret is masked."""
    if isinstance(value, dict):
        return {name: MASK if secret(name) and one not in (None, "") else masked(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(one) for one in value]
    return value
