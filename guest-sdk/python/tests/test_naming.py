"""Names of services."""

import unittest

from serai import Service, naming


def service(class_name, module="crm_api", **attributes):
    return type(class_name, (Service,), {"__module__": module, **attributes})


class Names(unittest.TestCase):
    def test_kebab(self):
        for text, want in {
            "GetUserDetails": "get-user-details",
            "getUser": "get-user",
            "HTTPServer": "http-server",
            "GetURL": "get-url",
            "ILikeToReadWSDLDocs": "i-like-to-read-wsdl-docs",
            "S3Upload": "s3-upload",
            "Get2FA": "get2fa",
            "Version2": "version2",
            "Get_User": "get_user",
            "A": "a",
            "AB": "ab",
            "already-kebab": "already-kebab",
        }.items():
            with self.subTest(text):
                self.assertEqual(naming.kebab(text), want)

    def test_default_name(self):
        for cls, module, want in [
            (service("GetUser"), "crm_api", "crm-api.get-user"),
            (service("GetUser"), "MyCRM", "my-crm.get-user"),
            (service("GetUser"), None, "crm-api.get-user"),
            (service("GetUser", "pkg.sub_module"), None, "sub-module.get-user"),
            (service("GetUser", name=None), None, "crm-api.get-user"),
            (service("GetUser", name=""), None, "crm-api.get-user"),
        ]:
            with self.subTest(module=module, want=want):
                self.assertEqual(naming.service_name(cls, module), want)

    def test_a_folder_speaks_for_its_service_py(self):
        naming.stems["service"] = "user_api"
        self.addCleanup(naming.stems.clear)
        self.assertEqual(naming.service_name(service("Get", "service")), "user-api.get")

    def test_own_name(self):
        base = service("Base", name="api.user.get")
        self.assertEqual(naming.service_name(base), "api.user.get")
        self.assertEqual(naming.service_name(type("Child", (base,), {"__module__": "m"})), "m.child")
        self.assertEqual(naming.service_name(service("A", name="Get User_1")), "Get User_1")

    def test_names_that_no_service_can_have(self):
        for name in ("a/b", " a", "a ", "-a", "a.", "x" * 129, 7, b"a", "ä", "a\nb", "a\n"):
            with self.subTest(name=name), self.assertRaisesRegex(ValueError, "class Get has the name"):
                naming.service_name(service("Get", name=name))

    def test_zato_is_reserved(self):
        for name in ("zato", "zato.ping", "my.zato.service", "Zato.x"):
            with self.subTest(name=name), self.assertRaisesRegex(ValueError, "reserved"):
                naming.service_name(service("Get", name=name))
        with self.assertRaisesRegex(ValueError, "reserved"):
            naming.service_name(service("Get", "zato"))
        for name in ("my-zato.service", "zatopek.run"):
            self.assertEqual(naming.service_name(service("Get", name=name)), name)

    def test_names_of_a_class(self):
        cls = service("GetUser")
        self.assertEqual((cls.get_name(), cls.get_impl_name()), ("crm-api.get-user", "crm_api.GetUser"))


if __name__ == "__main__":
    unittest.main()
