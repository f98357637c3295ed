"""Tests in the style of unittest, with the names that Zato's authors know."""

import configparser
import unittest

from serai.testing._run import run
from serai.testing._stage import _answer, script, set_config


class ServiceTestCase(unittest.TestCase):
    """A test of services.

    ::

        class TestGetUser(ServiceTestCase):
            def test_user(self):
                self.set_response('CRM', {'name': 'Ada'})
                service = self.invoke(GetUser, {'user_id': 7})
                self.assertResponsePayload(service, {'name': 'Ada'})
    """

    #: Path of an ini file with configuration values.
    config = None

    def run(self, result=None):
        """Run the test; the configuration is set before setUp."""
        original = self.setUp

        def prepared():
            if self.config:
                self.set_config(self.config)
            original()

        self.setUp = prepared
        try:
            return super().run(result)
        finally:
            del self.setUp

    def set_response(self, connection, response=None, method="GET", status_code=200, headers=None, request=None):
        """Script what a connection answers; a dict with the keys 1, 2, ... is a sequence of answers."""
        if isinstance(response, dict) and response and all(isinstance(key, int) for key in response):
            bodies = [response[key] for key in sorted(response)]
        else:
            bodies = [response]
        answers = [_answer(body, status_code, headers) for body in bodies]
        script(connection, answers, method, None, request)

    def set_config(self, name, value=None):
        """Set a configuration value by its dotted name, or all those of an ini file."""
        if value is not None:
            set_config(name, value if isinstance(value, (str, bytes)) else str(value))
            return
        ini = configparser.ConfigParser(interpolation=None)
        ini.optionxform = str
        with open(name, encoding="utf-8") as file:
            ini.read_file(file)
        for section in ini.sections():
            for key, text in ini.items(section):
                set_config(f"{section}.{key}", text)

    def invoke(self, service, payload=None, **kwargs):
        """Run a service, a class or the name of one, and return its instance after the call."""
        return run(service, kwargs if payload is None and kwargs else payload).service

    def assertResponsePayload(self, service, expected):
        """The service must have answered with expected."""
        self.assertEqual(_plain(service.response.payload), _plain(expected))


def _plain(payload):
    """Objects in the form that they have as JSON."""
    import json

    from serai.data import dumps

    return payload if isinstance(payload, (str, bytes)) else json.loads(dumps(payload))
