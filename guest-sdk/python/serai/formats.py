"""The data formats of channels: what a body says, and how an answer is written.

=======  ============================================================
json     objects, by way of RFC 8259: no NaN, no Infinity
xml      :mod:`serai.xmlformat`
csv      rows; the first may have the names
form     fields as HTML forms send them
raw      text, or bytes
=======  ============================================================
"""

import csv
import io

from serai import data
from serai.exception import BadRequest

#: What an answer is called, by data format.
CONTENT_TYPES = {
    "json": data.JSON, "dict": data.JSON, "xml": "application/xml", "csv": "text/csv", "form": data.FORM, "post": data.FORM, "raw": data.TEXT,
}
#: Rows and cells that a CSV document may have, and fields of a form.
MAX_ROWS, MAX_CELLS, MAX_FIELDS = 100_000, 1_000_000, 10_000


def known(name):
    """The data format by its name in any case; 'json' if it has none."""
    name = name.lower() if name else "json"
    return "form" if name == "post" else "json" if name == "dict" else name


# --- Reading -------------------------------------------------------------------


def load(body, name, content_type=""):
    """The payload that a body is in a data format; BadRequest if it is not."""
    if name == "raw":
        return text(body)
    if name == "form":
        return multipart(body, content_type) if is_multipart(content_type) else form(body)
    if not body.strip():
        return None
    if name == "xml":
        return load_xml(body)
    if name == "csv":
        return text(body)
    return load_json(body)


def load_json(body):
    """The objects of a JSON text."""
    try:
        return data.loads(body)
    except RecursionError:
        raise BadRequest("the body is no JSON that can be read: it is nested too deeply") from None
    except ValueError as exc:
        raise BadRequest(f"the body is no JSON: {exc}") from None


def load_xml(body):
    """The root element of an XML document."""
    from serai import xmlformat

    try:
        return xmlformat.parse(body)
    except (ValueError, LookupError) as exc:
        raise BadRequest(f"the body is no XML that can be read: {exc}") from None


def text(body):
    """The body as str if it is UTF-8, else as bytes; None if it is empty."""
    if not body:
        return None
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body


def form(body):
    """The fields of a form as a dict; a name that repeats has a list."""
    try:
        return data.form(body, MAX_FIELDS)
    except ValueError as exc:
        raise BadRequest(f"the body is no form that can be read: {exc}") from None


def is_multipart(content_type):
    """Whether a form came in parts, as those with files do."""
    return content_type.lower().startswith("multipart/form-data")


def multipart(body, content_type):
    """The fields of a form in parts (RFC 7578): str, and bytes of files."""
    from email import message_from_bytes
    from email.policy import HTTP

    try:
        message = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body, policy=HTTP)
        parts = list(message.iter_parts()) if message.get_content_type() == "multipart/form-data" else []
        pairs = [(name, _part(part)) for part in parts if (name := part.get_param("name", header="content-disposition")) is not None]
    except (ValueError, LookupError, TypeError, AttributeError) as exc:
        raise BadRequest(f"the body is no form that can be read: {exc}") from None
    if message.defects or len(pairs) != len(parts):
        raise BadRequest("the body is no form that can be read: its parts do not begin and end as its content type says, or have no names")
    if len(pairs) > MAX_FIELDS:
        raise BadRequest(f"the form has more than {MAX_FIELDS} fields")
    return data.gathered(pairs)


def _part(part):
    content = part.get_payload(decode=True)
    if part.get_filename() is not None:
        return content
    return content.decode(part.get_content_charset("utf-8"), "replace")


def rows(document, names=(), **options):
    """The rows of a CSV document as dicts.

    The first row has the names of the columns, unless ``names`` is given and
    one of them is missing in it: then the columns are these, in order.
    """
    options.setdefault("strict", True)
    reader = csv.reader(io.StringIO(document, newline=""), **options)
    columns, out, cells = None, [], 0
    try:
        for row in reader:
            if not row:
                continue
            if columns is None:
                header = [cell.strip().removeprefix("\ufeff") for cell in row]
                if not names or all(name in header for name in names if not name.startswith("-")):
                    columns = header
                    continue
                columns = [name.lstrip("-") for name in names]
            if len(row) > len(columns):
                raise BadRequest(f"the body is no CSV as expected: line {reader.line_num} has {len(row)} values for the {len(columns)} columns {', '.join(columns)}")
            cells += len(row)
            if len(out) >= MAX_ROWS or cells > MAX_CELLS:
                raise BadRequest(f"the CSV document has more than {MAX_ROWS} rows or {MAX_CELLS} values")
            out.append(dict(zip(columns, row)))
    except csv.Error as exc:
        raise BadRequest(f"the body is no CSV: line {reader.line_num}: {exc}") from None
    return out


# --- Writing -------------------------------------------------------------------


def answer(value, name, declared=None):
    """The body of an answer in a data format, and what it is called.

    declared is the :class:`serai.sio.output.Output` of the service, if it has one.
    """
    if value is None:
        return None, None
    name = known(name or "raw")
    kind = CONTENT_TYPES.get(name, data.JSON)
    if isinstance(value, (str, bytes, bytearray, memoryview)):
        return value, kind if isinstance(value, str) or name != "raw" else data.BYTES
    if name == "raw":  # a body of its own making, or JSON
        kind = data.JSON
    if declared is None:
        return dump(value, name), kind
    options = declared.options
    if name == "csv":
        return dump(value, name, csv_options=options.csv_write, columns=declared.columns), kind
    if name == "xml":
        return dump(value, name, options.response_elem or "response", xml_options=options.xml), kind
    return dump(declared.wrap(value), name), kind


def dump(value, name, root="response", csv_options=None, xml_options=None, columns=None):
    """The body of a value in a data format. str and bytes are it already."""
    if isinstance(value, (str, bytes, bytearray, memoryview)) or value is None:
        return value
    if name == "xml":
        from serai import xmlformat

        return xmlformat.write(value, root=root, **(xml_options or {}))
    if name == "csv":
        return dump_csv(value, columns, **(csv_options or {}))
    if name == "form":
        return dump_form(value)
    return data.dumps(value)


def dump_csv(value, columns=None, should_write_header=True, **options):
    """A CSV document of a row or of rows; rows are dicts or lists."""
    table = [value] if isinstance(value, dict) or not hasattr(value, "__iter__") else list(value)
    table = [row if isinstance(row, (dict, list, tuple)) else _row(row) for row in table]
    if columns is None:
        columns = list(dict.fromkeys(name for row in table if isinstance(row, dict) for name in row))
    out = io.StringIO()
    options.setdefault("lineterminator", "\r\n")
    writer = csv.writer(out, **options)
    if columns and should_write_header:
        writer.writerow(columns)
    for row in table:
        writer.writerow([_cell(row.get(name)) for name in columns] if isinstance(row, dict) else map(_cell, row))
    return out.getvalue()


def _row(value):
    """An object as a row."""
    if isinstance(value, (str, int, float)) or value is None:
        return [value]
    return data.default(value)


def _cell(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, (str, int, float)):
        return value
    if not isinstance(value, (dict, list, tuple)):
        value = data.default(value)
    return data.dumps(value) if isinstance(value, (dict, list, tuple)) else value


def dump_form(value):
    """A form of a dict."""
    from urllib.parse import urlencode

    if not isinstance(value, dict):
        value = data.default(value) if not isinstance(value, (list, tuple)) else value
    if not isinstance(value, dict):
        raise TypeError(f"a form is made of one dict, and the payload is {type(value).__name__}; give the channel another data format")
    pairs = []
    for name, item in value.items():
        pairs += [(name, _cell(one)) for one in item] if isinstance(item, (list, tuple)) else [(name, "" if item is None else _cell(item))]
    return urlencode(pairs)

