import datetime
import unittest

from serai import errors, kv
from serai.clock import Clock, moment, parsed, shown
from serai.lock import Lock, LockTimeout
from serai.service import Service
from serai.translate import entry_key
from tests.fake import Host


class Caching(unittest.TestCase):
    def setUp(self):
        self.host = self.enterContext(Host())
        self.cache = Service.cache.default

    def test_values_keep_their_types(self):
        for value in (None, True, 1, 1.5, "ż", b"\xff\0", [1, "a"], {"a": {"b": None}}, "", {}):
            with self.subTest(value):
                self.assertEqual(self.cache.set("k", value), value)
                self.assertEqual(self.cache.get("k", default="?"), value)
        for wrong in (object(), {1, 2}, {"serai:bytes": ""}):
            with self.assertRaises(TypeError):
                self.cache.set("k", wrong)

    def test_like_a_dict(self):
        c = self.cache
        c["a"], c["b"] = 1, 2
        self.assertEqual((c["a"], "a" in c, "z" in c, len(c), c.keys(), c.values(), c.items()), (1, True, False, 2, ["a", "b"], [1, 2], [("a", 1), ("b", 2)]))
        del c["a"]
        for missing in (lambda: c["a"], lambda: c.__delitem__("a")):
            with self.assertRaises(KeyError):
                missing()
        self.assertEqual((c.get("a"), c.get("a", 5), c.delete("b"), c.delete("b")), (None, 5, True, False))
        self.assertEqual((c.set("x", 1), c.clear(), c.keys()), (1, None, []))

    def test_expiry(self):
        now = self.host.now()
        self.host.now = lambda: now
        self.cache.set("k", 1, expiry=0.5)
        self.cache.set("day", 1)
        self.assertEqual([c[c.index("ttl") + 1] for c, _ in self.host.calls], ["500", "86400000"])
        self.assertTrue(self.cache.expire("k", 60))
        self.assertAlmostEqual(self.cache.get("k", details=True).expires_at - now, 60, delta=1)
        now += 61
        self.assertEqual((self.cache.get("k"), self.cache.expire("none", 1)), (None, False))

    def test_by_what_keys_look_like(self):
        c = self.cache
        for i, key in enumerate(("user.a", "user.b", "team.a")):
            c.set(key, i)
        for criterion, argument, want in [
            ("prefix", "user.", ["user.a", "user.b"]),
            ("suffix", ".a", ["team.a", "user.a"]),
            ("regex", "(user|x).*b", ["user.b"]),
            ("contains", "eam", ["team.a"]),
            ("not_contains", "eam", ["user.a", "user.b"]),
            ("contains_all", ["user", "b"], ["user.b"]),
            ("contains_any", ["eam", "b"], ["team.a", "user.b"]),
        ]:
            with self.subTest(criterion):
                self.assertEqual(list(getattr(c, "get_by_" + criterion)(argument)), want)
                self.assertEqual(getattr(c, "expire_by_" + criterion)(argument, 60), want)
        self.assertEqual((c.set_by_prefix("user.", "x"), c.get("user.b"), c.get("team.a")), (["user.a", "user.b"], "x", 2))
        self.assertEqual((c.delete_by_suffix(".a"), c.keys()), (["team.a", "user.a"], ["user.b"]))
        self.assertEqual(c.get_by_prefix(""), {"user.b": "x"})

    def test_caches_are_apart(self):
        other = Service.cache.get_cache("builtin", "other")
        other["k"] = 1
        kv.set("k", "own")
        self.assertEqual((self.cache.get("k"), Service.cache.get_builtin_cache("other")["k"]), (None, 1))
        self.assertIs(Service.cache.get_cache("builtin", "default"), self.cache)
        with self.assertRaises(errors.Unsupported):
            Service.cache.get_cache("memcached", "x")


class Locking(unittest.TestCase):
    def setUp(self):
        self.host = self.enterContext(Host())
        self.host.answers["lock.acquire"] = ("token", "t"), b""
        self.host.answers["lock.release"] = ("released", "1"), b""

    def test_with(self):
        class Mine(Service):
            name = "mine"

        with Mine().lock() as lock:
            self.assertTrue(lock.held)
        with Mine().lock("other", ttl=5, block=0):
            pass
        self.assertFalse(lock.held)
        self.assertEqual([c for c, _ in self.host.calls], [
            ("op", "lock.acquire", "name", "mine", "ttl", "20000", "block", "10000"), ("op", "lock.release", "name", "mine", "token", "t"),
            ("op", "lock.acquire", "name", "other", "ttl", "5000", "block", "0"), ("op", "lock.release", "name", "other", "token", "t"),
        ])
        self.assertFalse(lock.release())

    def test_timeout(self):
        def call(fields, body=None):
            raise errors.Timeout("held by others")

        self.host.call = call
        with self.assertRaisesRegex(LockTimeout, "held by others"), Lock("n"):
            self.fail("the lock is not ours")


class Cryptography(unittest.TestCase):
    def test_calls(self):
        with Host() as host:
            host.answers["crypto.encrypt"] = (), b"\xff\xfesealed"
            host.answers["crypto.decrypt"] = (), "żaba".encode()
            host.answers["crypto.hash"] = (), b"$hash"
            host.answers["crypto.verify"] = ("verified", "1"), b""
            c = Service.crypto
            sealed = c.encrypt("żaba")
            self.assertEqual((c.decrypt(sealed), c.decrypt(sealed.decode()), c.hash_secret("pw"), c.verify_hash("pw", "$hash")), ("żaba", "żaba", "$hash", True))
            self.assertEqual(host.calls[1][1], b"\xff\xfesealed")
            for wrong in ("no base 64!", "ż"):
                with self.assertRaises(errors.Invalid):
                    c.decrypt(wrong)
            self.assertEqual((len(c.generate_secret(256)), len(c.generate_password(to_str=True))), (44, 32))
            self.assertNotEqual(c.generate_secret(), c.generate_secret())


class Times(unittest.TestCase):
    at = datetime.datetime(2027, 1, 3, 4, 5, 6, 789000, datetime.UTC)

    def test_shown(self):
        for form, want in [
            ("YYYY-MM-DDTHH:mm:ss.SSSSSS", "2027-01-03T04:05:06.789000"), ("YY M D H m s SSS S", "27 1 3 4 5 6 789 7"),
            ("dddd, Do MMMM [at] hh:mm A", "Sunday, 3rd January at 04:05 AM"), ("ddd d MMM DDDD DDD W", "Sun 7 Jan 003 3 2026-W53-7"),
            ("Z ZZ ZZZ X a", "+0000 +00:00 UTC 1798949106 am"), ("", ""),
        ]:
            with self.subTest(form):
                self.assertEqual(shown(self.at, form), want)
        self.assertEqual([shown(self.at.replace(day=d), "Do") for d in (1, 2, 11, 22)], ["1st", "2nd", "11th", "22nd"])

    def test_reformat(self):
        t = Clock()
        for value, from_, to, want in [
            ("23-03-2013", "DD-MM-YYYY", "MM/DD/YY", "03/23/13"),
            ("2027-01-03 16:05", "YYYY-MM-DD HH:mm", "h:mm A", "4:05 PM"),
            ("3 jan 2027 12 am", "D MMM YYYY h a", "YYYY-MM-DDTHH:mm", "2027-01-03T00:00"),
            ("2027-01-03T04:05:06.78+02:00", "YYYY-MM-DDTHH:mm:ss.SZZ", "SSS Z", "780 +0200"),
            ("1798949106", "X", "YYYY-MM-DD HH:mm:ss", "2027-01-03 04:05:06"),
            ("2027 060", "YYYY DDDD", "MM-DD", "03-01"),
            ("on 5.", "[on] D.", "D", "5"),
        ]:
            with self.subTest(value):
                self.assertEqual(t.reformat(value, from_, to), want)
        self.assertEqual(t.reformat(self.at, "", "DD.MM.YYYY"), "03.01.2027")
        with Host():
            kv.set("kvdb:date-format:crm", "YY-MM-DD HH:mm")
            kv.set("kvdb:date-format:erp", "MM-DD-YY")
            self.assertEqual(t.reformat("15-11-20 13:17", "kvdb:crm", "kvdb:erp"), "11-20-15")
            with self.assertRaisesRegex(ValueError, "no key 'kvdb:date-format:hr'"):
                t.reformat("15", "kvdb:hr", "YY")
        for value, from_ in [("2027-13-01", "YYYY-MM-DD"), ("x", "YYYY"), ("2027-02-30", "YYYY-MM-DD"), ("2027 366", "YYYY DDDD"), ("1", "W")]:
            with self.subTest(value), self.assertRaises(ValueError):
                parsed(value, from_)

    def test_now_and_then(self):
        t = Clock()
        self.assertEqual((t.one_day_from("2027-02-28"), t.one_hour_from("2027-01-01T23:30", "DD HH:mm"), t.one_minute_from(self.at, "HH:mm")), ("2027-03-01", "02 00:30", "04:06"))
        now = moment(t.isoutcnow())
        self.assertLess(abs((datetime.datetime.now(datetime.UTC) - now).total_seconds()), 5)
        self.assertEqual(moment(t.tomorrow()) - moment(t.yesterday()), datetime.timedelta(days=2))
        self.assertEqual((t.today(), type(t.now(needs_format=False)), t.today(format=False).hour), (t.utcnow("YYYY-MM-DD"), datetime.datetime, 0))
        self.assertIn(t.now("Z", tz="Europe/Berlin"), ("+0100", "+0200"))
        self.assertEqual(moment(datetime.date(2027, 1, 2)), moment("2027-01-02T00:00:00Z"))
        with self.assertRaisesRegex(ValueError, "Europe/Berlin"):
            t.now(tz="Mars/Base")
        with self.assertRaises(ValueError):
            t.one_day_from("tomorrow")


class Translating(unittest.TestCase):
    def test_translate(self):
        with Host():
            kv.set(entry_key("crm", "a/b", "100%", "erp", 1), "ż", area="translate")
            self.assertEqual(Service.translate("crm", "a/b", "100%", "erp", "1"), "ż")
            self.assertEqual((Service().translate("crm", "a", "b", "erp", "1"), Service.translate("x", "a", "b", "y", "c", default=None)), ("", None))
            self.assertNotEqual(entry_key("a/", "b"), entry_key("a", "/b"))


if __name__ == "__main__":
    unittest.main()
