import attrs
import marshmallow
import ply.lex
import ply.yacc
import sqlglot

tokens = ("NUMBER", "PLUS", "TIMES")
t_PLUS, t_TIMES, t_ignore = r"\+", r"\*", " "
precedence = (("left", "PLUS"), ("left", "TIMES"))


def t_NUMBER(t):
    r"\d+"
    t.value = int(t.value)
    return t


def t_error(t):
    raise SyntaxError(t.value)


def p_binary(p):
    """expression : expression PLUS expression
                  | expression TIMES expression"""
    p[0] = p[1] + p[3] if p[2] == "+" else p[1] * p[3]


def p_number(p):
    "expression : NUMBER"
    p[0] = p[1]


def p_error(p):
    raise SyntaxError(p)


LEXER = ply.lex.lex()
PARSER = ply.yacc.yacc(write_tables=False, debug=False)


@attrs.frozen
class Item:
    sku: str
    count: int = attrs.field(default=1, validator=attrs.validators.gt(0), converter=int)


class Order(marshmallow.Schema):
    id = marshmallow.fields.Integer(required=True)
    email = marshmallow.fields.Email()
    when = marshmallow.fields.Date()


def handle(request):
    assert PARSER.parse("2 + 3 * 4", lexer=LEXER) == 14
    assert attrs.asdict(Item("A", "2")) == {"sku": "A", "count": 2}
    try:
        Item("A", 0)
    except ValueError:
        pass
    else:
        raise AssertionError("a validator did not run")
    assert Order().load({"id": "7", "when": "2026-01-31"})["when"].year == 2026
    try:
        Order().load({"email": "no"})
    except marshmallow.ValidationError as exc:
        assert set(exc.messages) == {"id", "email"}
    sql = sqlglot.transpile("SELECT TOP 5 [a] FROM t WHERE x = GETDATE()", read="tsql", write="postgres")[0]
    assert sql == 'SELECT "a" FROM t WHERE x = CURRENT_TIMESTAMP LIMIT 5', sql
    assert [c.name for c in sqlglot.parse_one("SELECT a, b FROM t").find_all(sqlglot.exp.Column)] == ["a", "b"]
    return "ok"
