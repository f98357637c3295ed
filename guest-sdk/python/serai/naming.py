"""How services are named.

A service's name is its attribute ``name``, or else ``module.class-name`` made of
the file and the class: CamelCase is split at its humps and underscores of the
file become hyphens. So ``class GetUserDetails`` in ``crm_api.py`` is
``crm-api.get-user-details``.
"""

import re

#: What stands for a module in names where it is not the module's own name:
#: a folder's service.py speaks for the folder.
stems = {}

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[^_])(?=[A-Z][a-z])")
_VALID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._ -]{0,126}[A-Za-z0-9])?")


def kebab(text):
    """CamelCase in lower case with hyphens: HTTPServer is http-server.

    Underscores stay, digits belong to the word before them.
    """
    return _HUMP.sub("-", text).lower()


def module_part(module):
    """What the module of that name contributes to names of services."""
    return kebab(stems.get(module) or module.rpartition(".")[2]).replace("_", "-")


def default_name(cls, module_stem=None):
    """The name of a service class without an attribute ``name``.

    module_stem is the name of its file without .py, if the class does not know.
    """
    return f"{module_part(module_stem or cls.__module__)}.{kebab(cls.__name__)}"


def impl_name(cls):
    """The name of the class itself: ``crm_api.GetUserDetails``."""
    return f"{cls.__module__}.{cls.__name__}"


def service_name(cls, module_stem=None):
    """The name of a service class; a subclass without a name of its own has the default.

    Raises ValueError for a name that no service can have.
    """
    name = cls.__dict__.get("name") or default_name(cls, module_stem)
    check(name, f"class {cls.__name__}")
    return name


def check(name, owner):
    """Raise ValueError unless owner, as messages call it, can be a service with that name."""
    if not isinstance(name, str) or not _VALID.fullmatch(name):
        raise ValueError(
            f"{owner} has the name {name!r:.100}: use 1 to 128 letters, digits, and inner dots, hyphens, underscores and spaces"
        )
    if "zato" in name.lower().split("."):
        raise ValueError(
            f"{owner} has the name {name!r}: the part zato is reserved for services that come with the platform; "
            "choose another one, such as the name of your company or system"
        )
