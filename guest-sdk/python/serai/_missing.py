"""What is said of an import that found nothing: why, and what to do about it."""

#: Modules of Python 2 and where Python 3 has what they had.
PYTHON2 = {
    "ConfigParser": "configparser", "HTMLParser": "html.parser", "Queue": "queue", "StringIO": "io", "cPickle": "pickle", "cStringIO": "io",
    "Cookie": "http.cookies", "cookielib": "http.cookiejar", "commands": "subprocess", "__builtin__": "builtins", "copy_reg": "copyreg",
    "httplib": "http.client", "htmlentitydefs": "html.entities", "thread": "_thread", "urllib2": "urllib.request", "urlparse": "urllib.parse",
    "xmlrpclib": "xmlrpc.client",
}

#: Packages of compiled code that services often import, and what does the same.
COMPILED = {
    "MySQLdb": "call a service in front of the database with self.rest['name']",
    "bcrypt": "use self.crypto.hash_secret and self.crypto.verify_hash",
    "cx_Oracle": "call a service in front of the database with self.rest['name']",
    "cryptography": "use self.crypto",
    "Crypto": "use self.crypto",
    "gevent": "use self.patterns.parallel for several calls at once and time.sleep to wait",
    "lxml": "use xml.etree.ElementTree, which has ElementPath for XPath",
    "numpy": "have the computation behind an HTTP API and call it with self.rest['name']",
    "pandas": "read tables with csv or openpyxl",
    "psycopg2": "call a service in front of the database with self.rest['name']",
    "pymongo": "keep data in self.kvdb, or call a service in front of the database with self.rest['name']",
}


def explain(exc):
    """Add what to do to the message of an ImportError."""
    name = exc.name or ""
    package = name.partition(".")[0]
    if package == "zato":
        if exc.msg and exc.msg.startswith("cannot import name '"):
            wanted = exc.msg.split("'")[1]
            exc.msg = f"{name} has no {wanted} here: docs/zato.md lists what there is of Zato, and what to use instead of the rest"
    elif exc.msg != f"No module named {name!r}":
        return
    elif package in PYTHON2:
        exc.msg += f": it is of Python 2; Python 3 has {PYTHON2[package]}"
    elif package in COMPILED:
        exc.msg += f": it needs compiled code, which a sandbox cannot load; {COMPILED[package]}"
    else:
        exc.msg += ": if it is yours, deploy the folder that has it; if it is a package, name it in a requirements.txt beside the service"
