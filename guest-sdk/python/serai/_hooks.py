"""Functions that run when a call begins."""

restore = []


def on_restore(function):
    """Have function() called when a call begins, before the service.

    What was computed while the service was loaded is frozen in its image. A
    service that keeps something there that must be fresh in every call, such
    as a nonce or a time, renews it here. Random generators need no help.
    Returns the function, so that it is a decorator.
    """
    restore.append(function)
    return function
