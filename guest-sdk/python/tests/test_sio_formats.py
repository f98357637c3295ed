import decimal
import unittest

from serai import Int, List, Model, dataclass, formats, xmlformat
from serai.data import JSON
from serai.exception import BadRequest
from serai.model import ModelValidationError
from serai.request import Request, Response
from serai.typing_ import list_, optional
from tests.fake import Envelope
from tests.test_sio_declare import declare, read, simple_io


def request(body, name, *fields):
    return Request(Envelope(("data-format", name, *fields)), body.encode() if isinstance(body, str) else body)


def answer(payload, name, plan=None):
    """The body of an answer, and what it is called."""
    response = Response(payload)
    if plan is not None:
        plan.end(response)
    return formats.answer(response.value, name, response._shape)


class Reading(unittest.TestCase):
    def test_payload_and_input(self):
        for name, body, payload, found in [
            ("json", '{"a": {"b": [1, {"c": 2}]}}', {"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 2}]}}),
            ("json", "[1]", [1], [1]),
            ("json", "", None, {}),
            ("JSON", "5", 5, {}),
            ("form", "a=1&b=x+y&b=2", {"a": "1", "b": ["x y", "2"]}, {"a": "1", "b": ["x y", "2"]}),
            ("post", "a=", {"a": ""}, {"a": ""}),
            ("raw", '{"a": 1}', '{"a": 1}', {}),
            ("raw", b"\xff", b"\xff", {}),
            ("raw", "", None, {}),
            ("csv", "a,b\n1,2\n", "a,b\n1,2\n", [{"a": "1", "b": "2"}]),
            ("csv", "", None, {}),
        ]:
            with self.subTest(name=name, body=body):
                r = request(body, name, "header.content-type", "text/plain")
                self.assertEqual((r.payload, r.input), (payload, found))
        self.assertEqual(request('{"a": {"b": [1, {"c": 2}]}}', "json").input.a.b[1].c, 2)
        self.assertEqual(request("<r><a><b>1</b></a></r>", "xml", "param.id", "7").input, {"a": {"b": "1"}, "id": "7"})
        self.assertEqual(request("a=1", "form").http.POST.a, "1")

    def test_broken_bodies(self):
        for name, body, why in [
            ("json", "{", "line 1 column 2"), ("json", '{"a": 1,\n "b" 2}', "line 2 column 6"), ("json", "NaN", "NaN"), ("json", "[" * 200_000, "nested"),
            ("json", "1" * 10_000, "limit"), ("json", b"\xff\xfe\xff", "no JSON"), ("json", "{} x", "Extra data"),
            ("xml", "<a><b></a>", "line 1, column 9"), ("xml", "text", "line 1"), ("xml", "<a/><b/>", "line 1, column 5"), ("xml", b"<a>\xff</a>", "line 1"),
            ("xml", "<a x='1' x='2'/>", "line 1"), ("xml", "<x:a/>", "line 1"),
            ("xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
            ("xml", '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document type"),
            ("xml", "<a>&b;</a>", "line 1"),
            ("xml", "<a>" * 101 + "</a>" * 101, "more than 100 deep"),
            ("xml", "<a>" + "<b/>" * xmlformat.MAX_ELEMENTS + "</a>", "elements"),
            ("form", "&".join(f"a{i}=1" for i in range(formats.MAX_FIELDS + 1)), "form"),
            ("csv", 'a,b\n1,"2\n', "line"), ("csv", "a,b\n1,2,3\n", "line 2 has 3 values"), ("csv", "a\n" + "1\n" * (formats.MAX_ROWS + 1), "more than"),
        ]:
            with self.subTest(name=name, body=body[:30]), self.assertRaisesRegex(BadRequest, why):
                _ = request(body, name).input

    def test_forms_in_parts(self):
        kind = "multipart/form-data; boundary=XX"
        body = (
            '--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\nż\r\n'
            '--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\n2\r\n'
            '--XX\r\nContent-Disposition: form-data; name="f"; filename="f.bin"\r\nContent-Type: application/octet-stream\r\n\r\n'
        ).encode() + b"\x00\xff\r\n--XX--\r\n"
        want = {"a": ["ż", "2"], "f": b"\x00\xff"}
        self.assertEqual(request(body, "form", "header.content-type", kind).payload, want)
        self.assertEqual(Request(Envelope(("header.content-type", kind)), body).http.POST, want)
        for content_type, broken in [(kind, b""), (kind, b"--XX\r\n"), ("multipart/form-data", body), (kind, body.replace(b'; name="f"', b"")), (kind, body[:-9])]:
            with self.subTest(content_type=content_type, broken=broken[:20]), self.assertRaises(BadRequest):
                _ = request(broken, "form", "header.content-type", content_type).payload

    def test_the_billion_laughs(self):
        bomb = '<!DOCTYPE l [<!ENTITY a "ha">' + "".join(f'<!ENTITY {n} "{f"&{m};" * 10}">' for m, n in zip("abcdefgh", "bcdefghi")) + "]><l>&i;</l>"
        with self.assertRaisesRegex(BadRequest, "document type"):
            _ = request(bomb, "xml").payload

    def test_declared_input_in_every_format(self):
        _, plan = declare(input=("name", "-size", Int("-rank")))
        for name, body, want in [
            ("json", '{"name": "x", "rank": 1}', {"name": "x", "size": "", "rank": 1}),
            ("xml", "<request><name>x</name><rank>1</rank><other/></request>", {"name": "x", "size": "", "rank": 1}),
            ("xml", "<request xmlns='urn:a'><name>x</name></request>", {"name": "x", "size": "", "rank": ""}),
            ("form", "name=x&rank=1", {"name": "x", "size": "", "rank": 1}),
            ("csv", "rank,name\n1,x\n", [{"name": "x", "size": "", "rank": 1}]),
            ("csv", "x,,1\r\ny,2\r\n", [{"name": "x", "size": "", "rank": 1}, {"name": "y", "size": "2", "rank": ""}]),
        ]:
            with self.subTest(name=name, body=body):
                self.assertEqual(read(plan, body, "data-format", name), want)
        for name, body, path in [
            ("xml", "<r><rank>x</rank></r>", "/name"), ("form", "rank=x", "/name"), ("csv", "name,rank\nx,1\ny,z\n", "/1/rank"), ("form", "", "/name"),
        ]:
            with self.subTest(name=name, body=body), self.assertRaises(ModelValidationError) as caught:
                read(plan, body, "data-format", name)
            self.assertEqual(caught.exception.elem_path, path)
        with self.assertRaisesRegex(BadRequest, "has to be an object with name, size, rank"):
            read(plan, "text", "data-format", "raw")

    def test_lists_in_formats_without_lists(self):
        @dataclass(init=False)
        class Phone(Model):
            imei: str

        @dataclass(init=False)
        class Owner(Model):
            name: str
            phones: list_[Phone]
            tags: optional[list_[str]]

        _, plan = declare(input=Owner)
        for body, phones, tags in [
            ("<r><name>x</name><phones><phone><imei>1</imei></phone><phone><imei>2</imei></phone></phones></r>", ["1", "2"], None),
            ("<r><name>x</name><phones><phone><imei>1</imei></phone></phones><tags>a</tags></r>", ["1"], ["a"]),
            ("<r><name>x</name><phones><imei>1</imei></phones><tags>a</tags><tags>b</tags></r>", None, None),
            ("<r><name>x</name><phones/></r>", [], None),
        ]:
            with self.subTest(body=body):
                if phones is None:  # a text is no phone
                    with self.assertRaises(ModelValidationError):
                        read(plan, body, "data-format", "xml")
                    continue
                got = read(plan, body, "data-format", "xml")
                self.assertEqual(([p.imei for p in got.phones], got.tags), (phones, tags))
        self.assertEqual(read(declare(input=List("a"))[1], "a=1", "data-format", "form"), {"a": ["1"]})
        self.assertEqual(read(declare(input=List("a"))[1], "a=1", "header.content-type", "application/x-www-form-urlencoded"), {"a": ["1"]})

    def test_csv_options(self):
        _, plan = simple_io(input=("a", "b"), csv_delimiter=";", csv_quote_char="'")
        self.assertEqual(read(plan, "1;'2;3'\n", "data-format", "csv"), [{"a": "1", "b": "2;3"}])


class Elements(unittest.TestCase):
    def test_as_an_author_reads_it(self):
        root = request(
            '<root xmlns="urn:1"><cust type="A"><id>7</id><name>Ada</name></cust><ids><id>1</id><id>2</id></ids>'
            '<x:kind xmlns:x="urn:2">AAA</x:kind><on>true</on><price>1.5</price></root>', "xml").payload
        self.assertEqual((root.cust.id.text, root.cust.get("type"), str(root.cust.name), root["cust"].id), ("7", "A", "Ada", 7))
        self.assertEqual([c.text for c in root.ids.getchildren()], ["1", "2"])
        self.assertEqual(([int(i) for i in root.ids.id], root.ids.id[1].text, len(root.ids.id)), ([1, 2], "2", 2))
        self.assertEqual((getattr(root, "{urn:2}kind").text, root.tag), ("AAA", "{urn:1}root"))
        self.assertEqual((root.on == True, root.price == 1.5, root.price > 1, root.cust.id < 8, root.cust.name == "Ada"), (True,) * 5)  # noqa: E712
        self.assertIsNone(getattr(root, "missing", None))
        with self.assertRaisesRegex(AttributeError, "no child 'missing'"):
            _ = root.missing
        self.assertEqual((root.find("cust/id").text, root.findtext("cust/none", "-"), len(root.findall("ids/*"))), ("7", "-", 2))
        self.assertEqual((root.find("{urn:1}cust").get("type"), root.cust.getparent() is root, [e.text for e in root.ids.iter()]), ("A", True, [None, "1", "2"]))

    def test_objects(self):
        for body, want in [
            ("<r/>", ""), ("<r>x</r>", "x"), ("<r><a>1</a><b/></r>", {"a": "1", "b": ""}), ("<r><a>1</a><a>2</a></r>", {"a": ["1", "2"]}),
            ("<r id='7'>x</r>", {"@id": "7", "#text": "x"}), ("<r><a k='v'/></r>", {"a": {"@k": "v"}}), ("<r> <a> x </a> </r>", {"a": " x "}),
            ("<r><![CDATA[<&>]]></r>", "<&>"), ("<r>&lt;&#65;</r>", "<A"), ("<r><!-- c --><?p i?><a>1</a></r>", {"a": "1"}),
        ]:
            with self.subTest(body=body):
                root = xmlformat.parse(body)
                self.assertEqual(xmlformat.objects(root), want)


class Writing(unittest.TestCase):
    def test_every_format(self):
        rows = [{"a": 1, "b": "x,y"}, {"a": None, "c": True}]
        for payload, name, body, kind in [
            ({"a": 1}, "json", '{"a": 1}', JSON), ("[1]", "json", "[1]", JSON), (b"{}", "json", b"{}", JSON), (None, "json", None, None),
            ({"a": [1, 2], "b": {"@k": "v", "#text": "t"}, "c": None, "d": True, "e": "<&>"}, "xml",
             "<?xml version='1.0' encoding='utf-8'?>\n<response><a>1</a><a>2</a><b k=\"v\">t</b><c/><d>true</d><e>&lt;&amp;&gt;</e></response>", "application/xml"),
            ([{"a": 1}, {"a": 2}], "xml", "<?xml version='1.0' encoding='utf-8'?>\n<response><item><a>1</a></item><item><a>2</a></item></response>", "application/xml"),
            ({"a": [[1, 2], [3]]}, "xml", "<?xml version='1.0' encoding='utf-8'?>\n<response><a><item>1</item><item>2</item></a><a><item>3</item></a></response>", "application/xml"),
            ("<x/>", "xml", "<x/>", "application/xml"),
            ({"d": decimal.Decimal("1.5"), "t": "a\x00b"}, "xml", "<?xml version='1.0' encoding='utf-8'?>\n<response><d>1.5</d><t>ab</t></response>", "application/xml"),
            (rows, "csv", 'a,b,c\r\n1,"x,y",\r\n,,true\r\n', "text/csv"), ({"a": 1}, "csv", "a\r\n1\r\n", "text/csv"), ([[1, 2], [3]], "csv", "1,2\r\n3\r\n", "text/csv"),
            ([1, 2], "csv", "1\r\n2\r\n", "text/csv"), ("a;b", "csv", "a;b", "text/csv"), ([{"a": {"b": 1}}], "csv", 'a\r\n"{""b"": 1}"\r\n', "text/csv"),
            ({"a": "x y", "b": [1, 2], "c": None}, "form", "a=x+y&b=1&b=2&c=", "application/x-www-form-urlencoded"),
            ("t", "raw", "t", "text/plain; charset=utf-8"), (b"t", "raw", b"t", "application/octet-stream"), ({"a": 1}, "raw", '{"a": 1}', JSON),
        ]:
            with self.subTest(name=name, payload=payload):
                self.assertEqual(answer(payload, name), (body, kind))

    def test_what_a_format_cannot_have(self):
        loop = {}
        loop["a"] = loop
        for payload, name in [({"1a": 1}, "xml"), ({"a b": 1}, "xml"), ({"a><b": 1}, "xml"), ({"@k><": 1}, "xml"), ({"": 1}, "xml"), (loop, "xml"), ([1], "form"), (5, "form")]:
            with self.subTest(name=name, payload=str(payload)), self.assertRaises((ValueError, TypeError)):
                answer(payload, name)

    def test_declared_output_in_every_format(self):
        _, plan = simple_io(output=("name", Int("size"), "-note"), response_elem="user")
        for name, body in [
            ("json", '{"user": {"name": "x", "size": 1, "note": ""}}'),
            ("xml", "<?xml version='1.0' encoding='utf-8'?>\n<user><name>x</name><size>1</size><note/></user>"),
            ("csv", "name,size,note\r\nx,1,\r\n"),
            ("form", "user=" + "%7B%22name%22%3A+%22x%22%2C+%22size%22%3A+1%2C+%22note%22%3A+%22%22%7D"),
        ]:
            with self.subTest(name=name):
                self.assertEqual(answer({"name": "x", "size": "1", "z": 2}, name, plan)[0], body)
        _, plan = simple_io(output="a", csv_delimiter=";", csv_should_write_header=False, csv_line_terminator="\n")
        self.assertEqual(answer([{"a": "1;2"}, {"a": 3}], "csv", plan)[0], '"1;2"\n3\n')
        _, plan = simple_io(output="a", xml_declaration=False, xml_namespace="urn:x", xml_pretty_print=True)
        self.assertEqual(answer({"a": 1}, "xml", plan)[0], '<response xmlns="urn:x">\n  <a>1</a>\n</response>')

    def test_round_trip_of_xml(self):
        value = {"a": ["1", {"b": "x", "@k": "<\"'&>"}], "c": {"d": ["1", "2"]}, "e": "", "f": {"#text": "t", "@u": "ż"}}
        self.assertEqual(xmlformat.objects(xmlformat.parse(xmlformat.write(value))), value)


class Payloads(unittest.TestCase):
    def test_put_together(self):
        r = Response()
        self.assertFalse(r.has_payload)
        r.payload.a.b.c = 1
        r.payload["d"] = 2
        r.payload.e.append({"x": 1})
        r.payload.f[:] = [1, 2]
        r.payload.g.update(h=1)
        _ = r.payload.never.seen
        self.assertFalse(r.payload.never)
        self.assertEqual(r.value, {"a": {"b": {"c": 1}}, "d": 2, "e": [{"x": 1}], "f": [1, 2], "g": {"h": 1}})
        r.payload.a.b.c += 1
        r.payload.setdefault("i", 3)
        del r.payload.d
        self.assertEqual((r.payload.a.b.c, r.payload.i, "d" in r.payload), (2, 3, False))
        with self.assertRaises(AttributeError):
            del r.payload.d

    def test_rows(self):
        r = Response()
        r.payload.append(1)
        r.payload.extend([2, 3])
        r.payload[0] = 0
        self.assertEqual((r.value, list(r.payload), len(r.payload), r.payload[1]), ([0, 2, 3], [0, 2, 3], 3, 2))
        r = Response()
        r.payload[:] = []
        self.assertEqual((r.value, r.has_payload), ([], True))

    def test_set(self):
        r = Response({"a": 1})
        r.payload["b"] = 2
        self.assertEqual(r.value, {"a": 1, "b": 2})
        r.payload = "x"
        self.assertEqual((r.payload, r.value), ("x", "x"))
        r.content_encoding = "gzip"
        self.assertEqual((r.content_encoding, r.headers), ("gzip", {"Content-Encoding": "gzip"}))


class Others(unittest.TestCase):
    def test_other_transports_are_empty(self):
        r = Request(Envelope(), b"")
        self.assertEqual((r.amqp.msg, r.ibm_mq.msg_id, r.wmq.data, r.hl7.data, r.soap.body, bool(r.amqp)), (None,) * 5 + (False,))
        with self.assertRaisesRegex(NotImplementedError, "did not come over AMQP"):
            r.amqp.ack()
        with self.assertRaises(AttributeError):
            _ = r.ibm_mq.nothing

    def test_views(self):
        r = request('{"a": {"b": 1}}', "json", "method", "POST", "cid", "c", "query.q", "1", "header.user-agent", "curl")
        self.assertEqual((r.data_format, r.transport, r.channel_params, r.bunchified().a.b), ("json", "plain_http", {"q": "1"}, 1))
        b = r.to_bunch()
        self.assertEqual((b.cid, b.http.method, b.http.user_agent, b.input.a.b, b.payload, b.text), ("c", "POST", "curl", 1, {"a": {"b": 1}}, '{"a": {"b": 1}}'))
        other = r.deepcopy()
        other.payload["a"]["b"] = 2
        self.assertEqual(r.payload, {"a": {"b": 1}})


if __name__ == "__main__":
    unittest.main()
