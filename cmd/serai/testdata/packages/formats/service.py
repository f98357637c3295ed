import io

import defusedxml
import defusedxml.ElementTree
import hl7
import openpyxl
import xmltodict
import yaml
from openpyxl.styles import Font

MESSAGE = "MSH|^~\\&|LAB|HOSP|EHR|CLINIC|202601311030||ORU^R01|42|P|2.5\rPID|||123^^^MRN||Lovelace^Ada\rOBX|1|NM|GLU||5.4|mmol/L"
BOMB = '<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><x>&c;</x>'


def handle(request):
    document = {"a": [1, 2.5, None, True], "ż": {"date": "2026-01-31"}}
    assert yaml.safe_load(yaml.safe_dump(document, allow_unicode=True)) == document
    assert yaml.safe_load("x: &x [1]\ny: *x\n") == {"x": [1], "y": [1]}

    assert xmltodict.parse("<a id='1'><b>x</b><b>y</b></a>") == {"a": {"@id": "1", "b": ["x", "y"]}}
    assert "<b>x</b>" in xmltodict.unparse({"a": {"b": "x"}})
    assert defusedxml.ElementTree.fromstring("<a><b/></a>")[0].tag == "b"
    try:
        defusedxml.ElementTree.fromstring(BOMB)
    except defusedxml.EntitiesForbidden:
        pass
    else:
        raise AssertionError("a bomb is parsed")

    book = openpyxl.Workbook()
    book.active.append(["name", "price"])
    book.active.append(["ż", 9.5])
    book.active["B3"] = "=SUM(B2:B2)"
    book.active["A1"].font = Font(bold=True)
    file = io.BytesIO()
    book.save(file)
    sheet = openpyxl.load_workbook(io.BytesIO(file.getvalue())).active
    assert [c.value for c in sheet[2]] == ["ż", 9.5] and sheet["B3"].value == "=SUM(B2:B2)" and sheet["A1"].font.bold

    message = hl7.parse(MESSAGE)
    assert (str(message.segment("PID")[5]), str(message["OBX"][0][5]), str(message.segment("MSH")[9])) == ("Lovelace^Ada", "5.4", "ORU^R01")
    assert str(message).startswith("MSH|^~\\&|LAB")
    return "ok"
