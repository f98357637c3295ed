"""Loading an upload: its files become modules, its classes services."""

import importlib
import importlib.util
import json
import sys

from serai import naming
from serai.service import Service

APP = "/app"

#: The most services of one upload.
MOST = 500


def load(entries, stem):
    """Import the files at entries and return the modules.

    A file is the module of its own name, so another one that imports it gets
    the same module. stem is what the upload is called; it stands for a file
    that is called service, main or app in names of services.
    """
    for path in (APP + "/vendor", APP + "/site-packages", APP):
        if path in sys.path:
            sys.path.remove(path)
        sys.path.insert(0, path)
    importlib.invalidate_caches()
    return [_module(entry, stem) for entry in entries]


def _module(entry, stem):
    folder, _, file = entry.rpartition("/")
    name = file.removesuffix(".py")
    if folder != APP and folder not in sys.path:
        sys.path.insert(0, folder)
    module = sys.modules.get(name)
    if module is not None and getattr(module, "__file__", None) == entry:
        return module  # another file imported it
    # A calendar.py must not hide, nor be, the standard library's.
    taken = not name.isidentifier() or name in sys.modules or name in sys.stdlib_module_names
    spec = importlib.util.spec_from_file_location("service_" + name if taken else name, entry)
    module = importlib.util.module_from_spec(spec)
    naming.stems[spec.name] = stem if stem and name in ("service", "main", "app") else name
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def pick(modules, wanted, service):
    """The one class or function that serves the calls of a service whose
    name was chosen for the upload."""
    module = modules[0]
    if wanted:
        target = getattr(module, wanted, None)
        if target is None:
            raise LookupError(f"{_file(module)} has no class or function {wanted!r}")
        if not callable(target):
            raise TypeError(f"{wanted} in {_file(module)} is neither a class nor a function")
        if isinstance(target, type) and not issubclass(target, Service):
            raise TypeError(f"class {wanted} in {_file(module)} does not derive from serai.Service")
        return target
    own = [c for m in modules for c in classes(m)]
    named = [c for c in own if service in (c.__dict__.get("name"), naming.default_name(c))]
    if len(named) == 1:
        return named[0]
    leaves = [c for c in own if not any(d is not c and issubclass(d, c) for d in own)]
    if len(leaves) == 1:
        return leaves[0]
    if len(leaves) > 1:
        names = ", ".join(sorted(c.__name__ for c in leaves))
        raise LookupError(
            f"{_file(module)} has several services ({names}): deploy them all, without a name for the upload; "
            f"or name one of the classes, or give one the class attribute name = {service!r}"
        )
    functions = [f for m in modules if callable(f := getattr(m, "handle", None))]
    if len(functions) == 1:
        return functions[0]
    if functions:
        raise LookupError(f"{', '.join(_file(m) for m in modules[:5])} have a function handle each: deploy them without a name for the upload")
    raise nothing(modules)


def find(modules, stem):
    """All services of the modules: a dict of classes and functions by name."""
    found = {}
    for module in modules:
        targets = classes(module)
        if targets:
            for cls in targets:
                _add(found, naming.service_name(cls), cls)
        elif callable(function := getattr(module, "handle", None)):
            name = naming.module_part(module.__name__) if len(modules) > 1 else stem
            _add(found, name, function)
    if not found:
        raise nothing(modules)
    if len(found) > MOST:
        raise LookupError(f"the upload has {len(found)} services; split it, an upload has at most {MOST}")
    return found


def _add(found, name, target):
    other = found.setdefault(name, target)
    if other is not target:
        raise LookupError(f"two services are called {name!r}: {place(other)} and {place(target)}; rename one")


def classes(module):
    """The service classes of a module, in the order of their definition.

    Those that it imports count only if it defines none itself. A class
    whose name begins with an underscore, or that handles nothing, is a base
    for others.
    """
    found = {
        value: None for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Service) and value.__module__.partition(".")[0] not in ("serai", "zato")
    }
    own = [c for c in found if c.__module__ == module.__name__] or list(found)
    return [c for c in own if not c.__name__.startswith("_") and handles(c)]


def handles(cls):
    """Whether the class serves calls, itself or by what it inherits."""
    return cls.handle is not Service.handle or any(n.startswith("handle_") and n[7:].isupper() for n in dir(cls))


def nothing(modules):
    """The error that there is no service."""
    files = ", ".join(_file(m) for m in modules[:5])
    return LookupError(f"{files} has no service: write a class that derives from serai.Service or a function handle(request)")


def describe(found):
    """What the host is told of the services, JSON."""
    return json.dumps({"services": [
        {
            "name": name,
            "class": getattr(target, "__qualname__", "")[:200],
            "file": _file(sys.modules[target.__module__])[:200] if target.__module__ in sys.modules else "",
            "doc": (target.__doc__ or "").strip().partition("\n")[0][:200],
            "methods": sorted(n[7:] for n in dir(target) if n.startswith("handle_") and n[7:].isupper())[:16],
        }
        for name, target in found.items()
    ]})


def place(target):
    """Where a class or function stands, for messages."""
    return f"{target.__qualname__} in {_file(sys.modules[target.__module__])}"


def _file(module):
    return (getattr(module, "__file__", None) or module.__name__).removeprefix(APP + "/")
