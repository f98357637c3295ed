import datetime

import jinja2
from dateutil import rrule, tz
from dateutil.parser import parse
from dateutil.relativedelta import relativedelta
from markupsafe import Markup, escape

ENVIRONMENT = jinja2.Environment(autoescape=True, loader=jinja2.DictLoader({
    "base": "<h1>{% block title %}{% endblock %}</h1>",
    "page": "{% extends 'base' %}{% block title %}{{ name }}{% for n in items if n > 1 %} {{ loop.index }}:{{ n }}{% endfor %}{% endblock %}",
}))


def handle(request):
    page = ENVIRONMENT.get_template("page").render(name="<Ada & Bob>", items=[1, 2, 3])
    assert page == "<h1>&lt;Ada &amp; Bob&gt; 1:2 2:3</h1>", page
    assert escape("<") + Markup("<b>") == Markup("&lt;<b>")
    assert parse("31 January 2026 10:30") + relativedelta(months=1) == datetime.datetime(2026, 2, 28, 10, 30)
    days = list(rrule.rrule(rrule.MONTHLY, count=3, byweekday=rrule.MO(1), dtstart=datetime.datetime(2026, 1, 1)))
    assert [d.day for d in days] == [5, 2, 2], days
    assert parse("2026-07-01T12:00:00Z").astimezone(tz.gettz("Europe/Warsaw")).hour == 14
    return "ok"
