"""Configuration that the operator or tenant set for services."""

from serai.errors import NotFound
from serai.host import call


class Config:
    """self.config: values by key, as self.config['limit'], self.config.limit
    or self.config.get('limit', '10'). All values are str.

    A value is read when it is asked for, so a change needs no new deploy.
    """

    def get(self, key, default=None):
        """The value of key, or default."""
        try:
            return call("config.get", "key", key)[1].decode("utf-8", "surrogateescape")
        except NotFound:
            return default

    def __getitem__(self, key):
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        value = self.get(name)
        if value is None:
            raise AttributeError(f"there is no configuration value {name!r}")
        return value

    def __contains__(self, key):
        return self.get(key) is not None

    def keys(self, prefix=""):
        """The keys that begin with prefix."""
        envelope, _ = call("config.list", "prefix", prefix)
        return [value for name, value in envelope.pairs() if name == "key"]

    def __iter__(self):
        return iter(self.keys())
