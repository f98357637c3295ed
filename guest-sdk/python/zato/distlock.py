"""Distributed locks, which services take with self.lock."""

from serai.lock import Lock, LockTimeout

__all__ = ["Lock", "LockTimeout"]
