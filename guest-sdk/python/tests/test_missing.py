"""What is said of imports that find nothing."""

import unittest

from serai import _missing
from serai.refuse import RefusedModule


class Explained(unittest.TestCase):
    def test_messages(self):
        for statement, want in {
            "import httplib": "No module named 'httplib': it is of Python 2; Python 3 has http.client",
            "from urlparse import parse_qs": "it is of Python 2; Python 3 has urllib.parse",
            "import cx_Oracle": "it needs compiled code, which a sandbox cannot load; call a service",
            "import nowhere_at_all.x": "No module named 'nowhere_at_all': if it is yours, deploy the folder",
            "from zato.common.api import Nothing_Such": "zato.common.api has no Nothing_Such here: docs/zato.md lists",
            "from zato.common.util import nothing_such": "zato.common.util has no nothing_such here: docs/zato.md lists",
            "from json import nothing_such": "cannot import name 'nothing_such' from 'json'",
        }.items():
            with self.subTest(statement), self.assertRaises(ImportError) as caught:
                try:
                    exec(statement)
                except ImportError as exc:
                    _missing.explain(exc)
                    raise
            self.assertIn(want, str(caught.exception))

    def test_refusals_keep_their_words(self):
        with self.assertRaises(RefusedModule) as caught:
            import zato.sso  # noqa: F401
        said = str(caught.exception)
        _missing.explain(caught.exception)
        self.assertEqual(str(caught.exception), said)
