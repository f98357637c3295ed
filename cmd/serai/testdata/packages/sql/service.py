import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

USERS = sa.Table("users", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(50)))


def handle(request):
    query = sa.select(USERS.c.name).where(USERS.c.id.in_([1, 2])).order_by(USERS.c.name).limit(3)
    sql = str(query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))
    assert sql.split() == "SELECT users.name FROM users WHERE users.id IN (1, 2) ORDER BY users.name LIMIT 3".split(), sql
    assert "CREATE TABLE users" in str(sa.schema.CreateTable(USERS).compile(dialect=postgresql.dialect()))
    return "ok"
