"""The exceptions of serai.sql by the names that SQLAlchemy has for them."""

from serai.errors import Conflict as IntegrityError
from serai.errors import Error as SQLAlchemyError
from serai.errors import Remote as DatabaseError
from serai.errors import Remote as DBAPIError
from serai.errors import Remote as ProgrammingError
from serai.errors import Timeout as TimeoutError  # noqa: A004 - SQLAlchemy's own name
from serai.errors import Unavailable as OperationalError
from serai.sql import MultipleResultsFound, NoResultFound

__all__ = [
    "DBAPIError", "DatabaseError", "IntegrityError", "MultipleResultsFound", "NoResultFound",
    "OperationalError", "ProgrammingError", "SQLAlchemyError", "TimeoutError",
]
