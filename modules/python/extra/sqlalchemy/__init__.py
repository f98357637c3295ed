"""What services use of SQLAlchemy beside a session: text() and exceptions.

Sessions come from self.out.sql['name'].session(), see serai.sql. There are no
engines and no object-relational mapper.
"""

from sqlalchemy import exc

__version__ = "1.4.0+serai"


class TextClause(str):
    """A statement; it is text."""

    __slots__ = ()

    def bindparams(self, *args, **kwargs):
        """Not available: pass parameters to execute."""
        raise NotImplementedError("bindparams is not available: pass parameters as session.execute(text('... :name'), {'name': value})")


def text(statement):
    """A statement with parameters such as :name."""
    return TextClause(statement)


def create_engine(*args, **kwargs):
    """Not available: connections are configured on the host."""
    raise NotImplementedError(
        "create_engine is not available in a Serai service: it has no sockets. "
        "Configure a connection of the type sql, and use self.out.sql['name']"
    )


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    raise ImportError(
        f"sqlalchemy.{name} is not available in a Serai service: there is no object-relational mapper; "
        "use self.out.sql['name'].session() with text('SELECT ...')"
    )


__all__ = ["create_engine", "exc", "text"]
