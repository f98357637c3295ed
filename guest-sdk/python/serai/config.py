"""Configuration that the operator or tenant set for services."""

from serai.data import Bunch
from serai.errors import NotFound
from serai.host import call

#: What may follow a name that stands for a file: self.user_config.app is app.ini, too.
SUFFIXES = (".ini", ".conf")
#: The most keys that are read to find those below a prefix.
MOST = 1000


class Config:
    """self.config and self.user_config: values by key.

    ::

        self.config['limit']                            # serai config set limit 10
        self.config.get('limit', '10')
        self.config.crm.timeout                         # serai config set crm.timeout 5
        self.user_config['app.ini']['db']['host']       # a value that is an INI file
        self.user_config.app.db.host                    # the same

    A value is a str, or, if it is an INI file, an object with its sections. It
    is read when it is asked for, so a change needs no new deploy.
    """

    __slots__ = ("_prefix",)

    def __init__(self, prefix=""):
        self._prefix = prefix

    def get(self, key, default=None):
        """The value of key, or default."""
        key = self._prefix + key
        try:
            text = call("config.get", "key", key)[1].decode("utf-8", "surrogateescape")
        except NotFound:
            return default
        return sections(text, key) if text.lstrip()[:1] in _INI else text

    def __getitem__(self, key):
        value = self.get(key)
        if value is None:
            value = self._below(key)
        if value is None:
            raise KeyError(self._prefix + key)
        return value

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as exc:
            raise AttributeError(
                f"there is no configuration value {exc.args[0]!r}; set it with: serai config set {exc.args[0]} VALUE"
            ) from None

    def _below(self, key):
        """The file of that name without its suffix, or the values whose keys begin with it and a dot."""
        keys = self.keys(key + ".")
        for suffix in SUFFIXES:
            if key + suffix in keys:
                return self.get(key + suffix)
        return Config(f"{self._prefix}{key}.") if keys else None

    def __contains__(self, key):
        return self.get(key) is not None or self._below(key) is not None

    def keys(self, prefix=""):
        """The keys that begin with prefix."""
        found, after = [], ""
        while len(found) < MOST:
            envelope, _ = call("config.list", "prefix", self._prefix + prefix, *(("after", after) if after else ()))
            found += [value[len(self._prefix) :] for name, value in envelope.pairs() if name == "key"]
            after = envelope.get("next")
            if not after:
                break
        return found

    def items(self):
        """Pairs of key and value."""
        return [(key, self.get(key)) for key in self.keys()]

    def __iter__(self):
        return iter(self.keys())

    def __repr__(self):
        return f"<Config {self._prefix}*>" if self._prefix else "<Config>"


#: What an INI file begins with: a section or a comment.
_INI = frozenset("[#;")


def sections(text, name):
    """The sections of an INI file as a Bunch of Bunches; text itself if it is none.

    A value that continues on indented lines keeps them; nothing is interpolated.
    """
    import configparser

    parser = configparser.RawConfigParser(strict=True, default_section="")
    parser.optionxform = str
    try:
        parser.read_string(text, name)
    except configparser.Error:
        return text
    found = Bunch((section, Bunch(parser.items(section))) for section in parser.sections())
    return found if any(found.values()) else text
