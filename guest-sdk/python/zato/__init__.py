"""The names that services written for Zato import, over :mod:`serai`.

Nothing here is code of Zato. docs/zato.md lists what is the same, what differs
and what a sandbox refuses.
"""

import sys

from serai import refuse


class _Missing:
    """Says, of a module that this package has not, why and what to use instead.

    It is the last of the finders, so it is asked only about what no other found.
    """

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.startswith("zato."):
            raise refuse.module(name)
        return None


sys.meta_path.append(_Missing)
