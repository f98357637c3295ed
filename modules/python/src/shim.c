/* The guest side of Serai's ABI (docs/abi.md) for CPython.
 *
 * It exports serai_boot, serai_init and serai_handle, and gives Python the
 * built-in module _serai with which guest-sdk/python/serai talks to the host.
 * All policy is in Python (serai._runtime); here is only what each call pays
 * for: moving bytes, the envelope, the reply. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT(name) __attribute__((import_module("serai_v1"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name), used, visibility("default")))

IMPORT(call) int32_t host_call(const void *env, uint32_t env_len, const void *body, uint32_t body_len, void *result);
IMPORT(read) int32_t host_read(uint32_t handle, void *ptr, uint32_t len);
IMPORT(write) int32_t host_write(uint32_t handle, const void *ptr, uint32_t len);
IMPORT(close) int32_t host_close(uint32_t handle);
IMPORT(reply) int32_t host_reply(const void *env, uint32_t env_len, const void *body, uint32_t body_len);
IMPORT(log) int32_t host_log(int32_t level, const void *ptr, uint32_t len);
IMPORT(time) int64_t host_time(int32_t clock);
IMPORT(random) int32_t host_random(void *ptr, uint32_t len);

enum { CODE_FAILED = 1, CODE_INVALID = 2, CODE_TOO_LARGE = 6, CODE_INTERNAL = 13, CODE_COUNT = 14 };
enum { MAX_FIELDS = 1024, MAX_NAME = 256, MAX_ENVELOPE = 1 << 20 };
#define UNKNOWN_LENGTH 0xFFFFFFFFu
/* A request's body that is longer is read by Python when it asks for it. */
#define INLINE_BODY (1u << 20)

/* One buffer serves every transfer in both directions: the pages that a call
 * makes dirty are then the same few in every call, and cheap to reset. */
static unsigned char scratch[64 << 10] __attribute__((aligned(4096)));

/* Heap that is taken at the end of boot and given back, so that a call finds
 * free memory and does not grow the linear memory. */
enum { HEAP_SLACK = 8 << 20 };

/* How deep C code may call itself, in CPython's units. More than this would
 * run into the end of the engine's 2 MiB stack before it is a RecursionError. */
enum { C_RECURSION = 2000 };

static PyObject *run_init;            /* serai._runtime.init(envelope) */
static PyObject *run_handle;          /* what init returned: handle(envelope, body) */
static PyObject *errors[CODE_COUNT];  /* exception class of each code */

/* Counts calls. A random generator that was made before the current call is
 * seeded again at its first use: see patches/random.patch. */
extern uint32_t _PyRandom_Epoch;

static uint32_t get32(const unsigned char *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static void put32(unsigned char *p, uint32_t v) { memcpy(p, &v, 4); }

/* --- Envelope ----------------------------------------------------------- */

/* An envelope as it came over the boundary. Nothing is decoded before it is
 * asked for: a service that looks at two fields pays for two. */
typedef struct {
    PyObject_VAR_HEAD
    unsigned char data[];
} Envelope;

static PyTypeObject Envelope_Type;

/* Returns a new envelope over a copy of data; ValueError if it is malformed. */
static PyObject *envelope_new(const unsigned char *data, uint32_t len)
{
    uint64_t at = 4;
    if (len < 4 || len > MAX_ENVELOPE || get32(data) > MAX_FIELDS) {
        goto malformed;
    }
    for (uint32_t n = get32(data); n > 0; n--) {
        if (at + 8 > len) {
            goto malformed;
        }
        at += 8 + (uint64_t)get32(data + at) + get32(data + at + 4);
    }
    if (at != len) {
        goto malformed;
    }
    Envelope *e = PyObject_NewVar(Envelope, &Envelope_Type, len);
    if (e != NULL) {
        memcpy(e->data, data, len);
    }
    return (PyObject *)e;
malformed:
    PyErr_SetString(PyExc_ValueError, "malformed envelope");
    return NULL;
}

/* One field while walking an envelope. */
typedef struct {
    const unsigned char *at;
    uint32_t left;
    const char *name, *value;
    uint32_t name_len, value_len;
} Walk;

static void walk_start(Walk *w, PyObject *e)
{
    const unsigned char *p = ((Envelope *)e)->data;
    w->left = get32(p);
    w->at = p + 4;
}

static int walk_next(Walk *w)
{
    if (w->left == 0) {
        return 0;
    }
    w->left--;
    w->name_len = get32(w->at);
    w->value_len = get32(w->at + 4);
    w->name = (const char *)w->at + 8;
    w->value = w->name + w->name_len;
    w->at += 8 + w->name_len + w->value_len;
    return 1;
}

static PyObject *text(const char *s, uint32_t len)
{
    return PyUnicode_DecodeUTF8(s, len, "surrogateescape");
}

static const char *name_arg(PyObject *arg, Py_ssize_t *len)
{
    if (!PyUnicode_Check(arg)) {
        PyErr_SetString(PyExc_TypeError, "a field's name is a str");
        return NULL;
    }
    return PyUnicode_AsUTF8AndSize(arg, len);
}

PyDoc_STRVAR(envelope_get_doc,
"get(name, default=None): the first value of the field name, or default.");

static PyObject *envelope_get(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs < 1 || nargs > 2) {
        PyErr_SetString(PyExc_TypeError, "get takes a name and a default");
        return NULL;
    }
    Py_ssize_t len;
    const char *name = name_arg(args[0], &len);
    if (name == NULL) {
        return NULL;
    }
    Walk w;
    walk_start(&w, self);
    while (walk_next(&w)) {
        if (w.name_len == (uint32_t)len && memcmp(w.name, name, len) == 0) {
            return text(w.value, w.value_len);
        }
    }
    return Py_NewRef(nargs == 2 ? args[1] : Py_None);
}

PyDoc_STRVAR(envelope_pairs_doc,
"pairs(prefix=''): list of (name, value) of the fields whose names begin with\n"
"prefix, the prefix removed, in order.");

static PyObject *envelope_pairs(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    Py_ssize_t len = 0;
    const char *prefix = "";
    if (nargs > 0 && (prefix = name_arg(args[0], &len)) == NULL) {
        return NULL;
    }
    PyObject *out = PyList_New(0);
    if (out == NULL) {
        return NULL;
    }
    Walk w;
    walk_start(&w, self);
    while (walk_next(&w)) {
        if (w.name_len < (uint32_t)len || memcmp(w.name, prefix, len) != 0) {
            continue;
        }
        PyObject *name = text(w.name + len, w.name_len - (uint32_t)len);
        PyObject *value = name == NULL ? NULL : text(w.value, w.value_len);
        PyObject *pair = value == NULL ? NULL : PyTuple_Pack(2, name, value);
        Py_XDECREF(name);
        Py_XDECREF(value);
        int failed = pair == NULL || PyList_Append(out, pair) < 0;
        Py_XDECREF(pair);
        if (failed) {
            Py_DECREF(out);
            return NULL;
        }
    }
    return out;
}

PyDoc_STRVAR(envelope_map_doc,
"map(prefix, separator=None): dict of the fields whose names begin with prefix,\n"
"the prefix removed. Of a name that repeats the last value counts, or with a\n"
"separator all of them joined by it.");

static PyObject *envelope_map(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    Py_ssize_t len;
    const char *prefix;
    if (nargs < 1 || nargs > 2) {
        PyErr_SetString(PyExc_TypeError, "map takes a prefix and a separator");
        return NULL;
    }
    if ((prefix = name_arg(args[0], &len)) == NULL) {
        return NULL;
    }
    PyObject *separator = nargs == 2 && args[1] != Py_None ? args[1] : NULL;
    PyObject *out = PyDict_New();
    if (out == NULL) {
        return NULL;
    }
    Walk w;
    walk_start(&w, self);
    while (walk_next(&w)) {
        if (w.name_len < (uint32_t)len || memcmp(w.name, prefix, len) != 0) {
            continue;
        }
        PyObject *value = NULL, *name = text(w.name + len, w.name_len - (uint32_t)len);
        int failed = name == NULL || (value = text(w.value, w.value_len)) == NULL;
        if (!failed && separator != NULL) {
            PyObject *old = PyDict_GetItemWithError(out, name);
            if (old != NULL) {
                PyObject *joined = PyUnicode_FromFormat("%U%U%U", old, separator, value);
                Py_SETREF(value, joined);
            }
            failed = value == NULL || PyErr_Occurred() != NULL;
        }
        failed = failed || PyDict_SetItem(out, name, value) < 0;
        Py_XDECREF(name);
        Py_XDECREF(value);
        if (failed) {
            Py_DECREF(out);
            return NULL;
        }
    }
    return out;
}

static Py_ssize_t envelope_length(PyObject *self) { return get32(((Envelope *)self)->data); }

static PyMethodDef envelope_methods[] = {
    {"get", (PyCFunction)(void (*)(void))envelope_get, METH_FASTCALL, envelope_get_doc},
    {"pairs", (PyCFunction)(void (*)(void))envelope_pairs, METH_FASTCALL, envelope_pairs_doc},
    {"map", (PyCFunction)(void (*)(void))envelope_map, METH_FASTCALL, envelope_map_doc},
    {NULL, NULL, 0, NULL},
};

static PySequenceMethods envelope_sequence = {.sq_length = envelope_length};

static PyTypeObject Envelope_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "_serai.Envelope",
    .tp_basicsize = offsetof(Envelope, data),
    .tp_itemsize = 1,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "The fields that go with a payload, decoded when asked for.",
    .tp_methods = envelope_methods,
    .tp_as_sequence = &envelope_sequence,
};

/* --- What goes out ------------------------------------------------------ */

/* Bytes on their way out; owner, if any, keeps them alive. */
typedef struct {
    const void *ptr;
    uint32_t len;
    Py_buffer view; /* view.obj is NULL if unused */
    void *heap;     /* freed by out_release */
} Out;

static void out_release(Out *o)
{
    if (o->view.obj != NULL) {
        PyBuffer_Release(&o->view);
    }
    PyMem_Free(o->heap);
}

static int out_body(Out *o, PyObject *body)
{
    memset(o, 0, sizeof *o);
    if (body == Py_None) {
        return 0;
    }
    Py_ssize_t len;
    if (PyBytes_Check(body)) {
        o->ptr = PyBytes_AS_STRING(body);
        len = PyBytes_GET_SIZE(body);
    }
    else if (PyUnicode_Check(body)) {
        o->ptr = PyUnicode_AsUTF8AndSize(body, &len);
        if (o->ptr == NULL) {
            return -1;
        }
    }
    else {
        if (PyObject_GetBuffer(body, &o->view, PyBUF_SIMPLE) < 0) {
            return -1;
        }
        o->ptr = o->view.buf;
        len = o->view.len;
    }
    o->len = (uint32_t)len;
    return 0;
}

/* Encodes fields, a tuple or list of alternating names and values, or bytes
 * that are an encoded envelope already. */
static int out_envelope(Out *o, PyObject *fields)
{
    memset(o, 0, sizeof *o);
    if (PyBytes_Check(fields)) {
        return out_body(o, fields);
    }
    if (!PyTuple_Check(fields) && !PyList_Check(fields)) {
        PyErr_SetString(PyExc_TypeError, "fields are a tuple or list of names and values");
        return -1;
    }
    Py_ssize_t count = PySequence_Fast_GET_SIZE(fields);
    PyObject **items = PySequence_Fast_ITEMS(fields);
    if (count % 2 != 0 || count / 2 > MAX_FIELDS) {
        PyErr_Format(PyExc_ValueError, "an envelope has at most %d names, each with a value", MAX_FIELDS);
        return -1;
    }
    unsigned char *base = scratch;
    size_t size = sizeof scratch, at = 4;
    for (Py_ssize_t i = 0; i < count; i += 2) {
        Py_ssize_t name_len, value_len;
        const char *name = name_arg(items[i], &name_len), *value;
        if (name == NULL) {
            goto failed;
        }
        if (PyBytes_Check(items[i + 1])) {
            value = PyBytes_AS_STRING(items[i + 1]);
            value_len = PyBytes_GET_SIZE(items[i + 1]);
        }
        else if (!PyUnicode_Check(items[i + 1])) {
            PyErr_Format(PyExc_TypeError, "the value of field %s is a str, not %s", name, Py_TYPE(items[i + 1])->tp_name);
            goto failed;
        }
        else if ((value = PyUnicode_AsUTF8AndSize(items[i + 1], &value_len)) == NULL) {
            goto failed;
        }
        if (name_len == 0 || name_len > MAX_NAME) {
            PyErr_Format(PyExc_ValueError, "a field's name has 1 to %d bytes", MAX_NAME);
            goto failed;
        }
        if ((size_t)name_len + (size_t)value_len + 8 + at > MAX_ENVELOPE) {
            PyErr_SetString(PyExc_ValueError, "the fields are over 1 MiB");
            goto failed;
        }
        size_t need = at + 8 + (size_t)name_len + (size_t)value_len;
        if (need > size) {
            size = need * 2;
            unsigned char *more = PyMem_Realloc(o->heap, size);
            if (more == NULL) {
                PyErr_NoMemory();
                goto failed;
            }
            if (o->heap == NULL) {
                memcpy(more, scratch, at);
            }
            o->heap = base = more;
        }
        put32(base + at, (uint32_t)name_len);
        put32(base + at + 4, (uint32_t)value_len);
        memcpy(base + at + 8, name, name_len);
        memcpy(base + at + 8 + name_len, value, value_len);
        at = need;
    }
    put32(base, (uint32_t)(count / 2));
    o->ptr = base;
    o->len = (uint32_t)at;
    return 0;
failed:
    out_release(o);
    return -1;
}

/* --- What comes in ------------------------------------------------------ */

/* Raises the exception of a code. */
static void raise_code(int32_t code, const char *message, uint32_t len)
{
    if (code <= 0 || code >= CODE_COUNT) {
        code = CODE_INTERNAL;
    }
    PyObject *class = errors[code] != NULL ? errors[code] : PyExc_RuntimeError;
    PyObject *value = text(message, len);
    if (value != NULL) {
        PyErr_SetObject(class, value);
        Py_DECREF(value);
    }
}

/* Reads exactly len bytes of a stream. */
static int read_full(uint32_t handle, unsigned char *p, uint32_t len)
{
    while (len > 0) {
        int32_t n = host_read(handle, p, len);
        if (n <= 0) {
            static const char ended[] = "the stream ended early";
            raise_code(n < 0 ? -n : CODE_INTERNAL, ended, sizeof ended - 1);
            return -1;
        }
        p += n;
        len -= (uint32_t)n;
    }
    return 0;
}

/* Reads the rest of a stream whose length is not known. */
static PyObject *read_rest(uint32_t handle)
{
    Py_ssize_t have = 0, room = 32 << 10;
    PyObject *out = PyBytes_FromStringAndSize(NULL, room);
    while (out != NULL) {
        int32_t n = host_read(handle, PyBytes_AS_STRING(out) + have, (uint32_t)(room - have));
        if (n < 0) {
            static const char broken[] = "the stream broke off";
            raise_code(-n, broken, sizeof broken - 1);
            Py_CLEAR(out);
        }
        else if (n == 0) {
            _PyBytes_Resize(&out, have);
            break;
        }
        else if ((have += n) == room) {
            room *= 2;
            _PyBytes_Resize(&out, room);
        }
    }
    return out;
}

/* Reads the envelope and, if body is not NULL, the body of a stream. */
static PyObject *read_message(uint32_t handle, uint32_t env_len, uint32_t body_len, PyObject **body)
{
    unsigned char *buf = scratch;
    if (env_len > MAX_ENVELOPE) {
        PyErr_SetString(PyExc_ValueError, "envelope is over 1 MiB");
        return NULL;
    }
    uint32_t len = env_len;
    int whole = body != NULL && body_len != UNKNOWN_LENGTH && body_len <= sizeof scratch && env_len + body_len <= sizeof scratch;
    if (whole) {
        len += body_len;
    }
    else if (len > sizeof scratch && (buf = PyMem_Malloc(len)) == NULL) {
        return PyErr_NoMemory();
    }
    PyObject *envelope = read_full(handle, buf, len) < 0 ? NULL : envelope_new(buf, env_len);
    if (envelope != NULL && body != NULL) {
        if (whole) {
            *body = PyBytes_FromStringAndSize((char *)buf + env_len, body_len);
        }
        else if (body_len == UNKNOWN_LENGTH) {
            *body = read_rest(handle);
        }
        else {
            *body = PyBytes_FromStringAndSize(NULL, body_len);
            if (*body != NULL && read_full(handle, (unsigned char *)PyBytes_AS_STRING(*body), body_len) < 0) {
                Py_CLEAR(*body);
            }
        }
        if (*body == NULL) {
            Py_CLEAR(envelope);
        }
    }
    if (buf != scratch) {
        PyMem_Free(buf);
    }
    return envelope;
}

/* --- The module _serai -------------------------------------------------- */

PyDoc_STRVAR(serai_call_doc,
"call(fields, body=None, stream=False): perform one operation on the host.\n\n"
"fields is a tuple or list of alternating names and values, the first name\n"
"being 'op'. Returns (envelope, body), or (envelope, handle) when stream is\n"
"true. Raises the exception class of the error's code.");

static PyObject *serai_call(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs < 1 || nargs > 3) {
        PyErr_SetString(PyExc_TypeError, "call takes fields, a body and stream");
        return NULL;
    }
    int stream = nargs == 3 ? PyObject_IsTrue(args[2]) : 0;
    Out env, body;
    if (stream < 0 || out_body(&body, nargs > 1 ? args[1] : Py_None) < 0) {
        return NULL;
    }
    if (out_envelope(&env, args[0]) < 0) {
        out_release(&body);
        return NULL;
    }
    unsigned char result[12] = {0};
    int32_t code = -host_call(env.ptr, env.len, body.ptr, body.len, result);
    out_release(&env);
    out_release(&body);
    uint32_t handle = get32(result);
    if (code > 0) {
        static const char failed[] = "the host refused the operation";
        PyObject *e = handle == 0 ? NULL : read_message(handle, get32(result + 4), 0, NULL);
        if (e == NULL) {
            PyErr_Clear();
            raise_code(code, failed, sizeof failed - 1);
        }
        else {
            const char *message = failed;
            uint32_t len = sizeof failed - 1;
            Walk w;
            for (walk_start(&w, e); walk_next(&w);) {
                if (w.name_len == 13 && memcmp(w.name, "error.message", 13) == 0) {
                    message = w.value;
                    len = w.value_len;
                }
            }
            raise_code(code, message, len);
            Py_DECREF(e);
        }
        if (handle != 0) {
            host_close(handle);
        }
        return NULL;
    }
    PyObject *content = NULL;
    PyObject *envelope = read_message(handle, get32(result + 4), get32(result + 8), stream ? NULL : &content);
    if (envelope == NULL || !stream) {
        host_close(handle);
    }
    if (envelope == NULL) {
        return NULL;
    }
    if (stream && (content = PyLong_FromUnsignedLong(handle)) == NULL) {
        Py_DECREF(envelope);
        return NULL;
    }
    PyObject *out = PyTuple_New(2);
    if (out == NULL) {
        Py_DECREF(envelope);
        Py_DECREF(content);
        return NULL;
    }
    PyTuple_SET_ITEM(out, 0, envelope);
    PyTuple_SET_ITEM(out, 1, content);
    return out;
}

PyDoc_STRVAR(serai_read_doc, "read(handle, size): the next bytes of a stream, b'' at its end.");

static PyObject *serai_read(PyObject *Py_UNUSED(module), PyObject *args)
{
    unsigned int handle;
    int size;
    if (!PyArg_ParseTuple(args, "Ii:read", &handle, &size)) {
        return NULL;
    }
    if (size <= 0) {
        return PyBytes_FromStringAndSize(NULL, 0);
    }
    PyObject *out = PyBytes_FromStringAndSize(NULL, size);
    if (out == NULL) {
        return NULL;
    }
    int32_t n = host_read(handle, PyBytes_AS_STRING(out), (uint32_t)size);
    if (n < 0) {
        static const char broken[] = "the stream broke off";
        Py_DECREF(out);
        raise_code(-n, broken, sizeof broken - 1);
        return NULL;
    }
    _PyBytes_Resize(&out, n);
    return out;
}

PyDoc_STRVAR(serai_readinto_doc,
"readinto(handle, buffer): fill buffer with the next bytes of a stream; how\n"
"many, 0 at its end.");

static PyObject *serai_readinto(PyObject *Py_UNUSED(module), PyObject *args)
{
    unsigned int handle;
    Py_buffer into;
    if (!PyArg_ParseTuple(args, "Iw*:readinto", &handle, &into)) {
        return NULL;
    }
    int32_t n = into.len == 0 ? 0 : host_read(handle, into.buf, (uint32_t)into.len);
    PyBuffer_Release(&into);
    if (n < 0) {
        static const char broken[] = "the stream broke off";
        raise_code(-n, broken, sizeof broken - 1);
        return NULL;
    }
    return PyLong_FromLong(n);
}

PyDoc_STRVAR(serai_close_doc, "close(handle): end a stream early.");

static PyObject *serai_close(PyObject *Py_UNUSED(module), PyObject *arg)
{
    unsigned long handle = PyLong_AsUnsignedLong(arg);
    if (PyErr_Occurred()) {
        return NULL;
    }
    host_close((uint32_t)handle);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(serai_write_doc,
"write(data, handle=0): append to the reply's body, or to the body of the\n"
"operation that handle is of.");

static PyObject *serai_write(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs < 1 || nargs > 2) {
        PyErr_SetString(PyExc_TypeError, "write takes data and a handle");
        return NULL;
    }
    unsigned long handle = nargs == 2 ? PyLong_AsUnsignedLong(args[1]) : 0;
    Out body;
    if (PyErr_Occurred() || out_body(&body, args[0]) < 0) {
        return NULL;
    }
    int32_t code = -host_write((uint32_t)handle, body.ptr, body.len);
    out_release(&body);
    if (code > 0) {
        static const char reply[] = "the host does not take more of the reply";
        static const char operation[] = "the host does not take more of the operation's body";
        if (handle == 0) {
            raise_code(code, reply, sizeof reply - 1);
        }
        else {
            raise_code(code, operation, sizeof operation - 1);
        }
        return NULL;
    }
    Py_RETURN_NONE;
}

/* Encodes fields and sends the reply. */
static int32_t send_reply(PyObject *fields, PyObject *content)
{
    Out env, body;
    if (out_body(&body, content) < 0) {
        return CODE_INTERNAL;
    }
    if (out_envelope(&env, fields) < 0) {
        out_release(&body);
        return CODE_INTERNAL;
    }
    int32_t code = -host_reply(env.ptr, env.len, body.ptr, body.len);
    out_release(&env);
    out_release(&body);
    return code;
}

PyDoc_STRVAR(serai_reply_doc,
"reply(fields, body=None): set the reply, once, before the service returns.");

static PyObject *serai_reply(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs < 1 || nargs > 2) {
        PyErr_SetString(PyExc_TypeError, "reply takes fields and a body");
        return NULL;
    }
    int32_t code = send_reply(args[0], nargs == 2 ? args[1] : Py_None);
    if (PyErr_Occurred()) {
        return NULL;
    }
    if (code > 0) {
        static const char refused[] = "the host does not take the reply";
        raise_code(code, refused, sizeof refused - 1);
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(serai_log_doc, "log(level, message): write one log record.");

static PyObject *serai_log(PyObject *Py_UNUSED(module), PyObject *args)
{
    int level;
    PyObject *message;
    Out body;
    if (!PyArg_ParseTuple(args, "iU:log", &level, &message)) {
        return NULL;
    }
    if (out_body(&body, message) < 0) {
        /* Lone surrogates: show them escaped rather than lose the record. */
        PyErr_Clear();
        PyObject *escaped = PyUnicode_AsEncodedString(message, "utf-8", "backslashreplace");
        if (escaped == NULL) {
            return NULL;
        }
        host_log(level, PyBytes_AS_STRING(escaped), (uint32_t)PyBytes_GET_SIZE(escaped));
        Py_DECREF(escaped);
        Py_RETURN_NONE;
    }
    host_log(level, body.ptr, body.len);
    out_release(&body);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(serai_envelope_doc,
"envelope(fields): an Envelope of alternating names and values.");

static PyObject *serai_envelope(PyObject *Py_UNUSED(module), PyObject *arg)
{
    Out env;
    if (out_envelope(&env, arg) < 0) {
        return NULL;
    }
    PyObject *e = envelope_new(env.ptr, env.len);
    out_release(&env);
    return e;
}

PyDoc_STRVAR(serai_set_errors_doc,
"set_errors(classes): the exception classes by code, a sequence of 14.");

static PyObject *serai_set_errors(PyObject *Py_UNUSED(module), PyObject *arg)
{
    if (!PyTuple_Check(arg) || PyTuple_GET_SIZE(arg) != CODE_COUNT) {
        PyErr_Format(PyExc_TypeError, "set_errors takes a tuple of %d", CODE_COUNT);
        return NULL;
    }
    for (int i = 0; i < CODE_COUNT; i++) {
        Py_XSETREF(errors[i], Py_NewRef(PyTuple_GET_ITEM(arg, i)));
    }
    Py_RETURN_NONE;
}

static PyMethodDef serai_methods[] = {
    {"call", (PyCFunction)(void (*)(void))serai_call, METH_FASTCALL, serai_call_doc},
    {"read", serai_read, METH_VARARGS, serai_read_doc},
    {"readinto", serai_readinto, METH_VARARGS, serai_readinto_doc},
    {"close", serai_close, METH_O, serai_close_doc},
    {"write", (PyCFunction)(void (*)(void))serai_write, METH_FASTCALL, serai_write_doc},
    {"reply", (PyCFunction)(void (*)(void))serai_reply, METH_FASTCALL, serai_reply_doc},
    {"log", serai_log, METH_VARARGS, serai_log_doc},
    {"envelope", serai_envelope, METH_O, serai_envelope_doc},
    {"set_errors", serai_set_errors, METH_O, serai_set_errors_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef serai_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_serai",
    .m_doc = "The host that this interpreter runs in; use the package serai.",
    .m_size = -1,
    .m_methods = serai_methods,
};

static PyObject *serai_module_init(void)
{
    if (PyType_Ready(&Envelope_Type) < 0) {
        return NULL;
    }
    PyObject *m = PyModule_Create(&serai_module);
    if (m != NULL && PyModule_AddObjectRef(m, "Envelope", (PyObject *)&Envelope_Type) < 0) {
        Py_CLEAR(m);
    }
    return m;
}

/* --- Making the image cheap to reset ------------------------------------ */

/* Work list of objects to visit; PyObject_Malloc would move the heap that is
 * being prepared, so it lives outside. */
static struct {
    PyObject **items;
    size_t len, cap;
} pending;

static int immortalise(PyObject *o, void *Py_UNUSED(arg))
{
    if (o == NULL || _Py_IsImmortal(o)) {
        return 0;
    }
    if (pending.len == pending.cap) {
        size_t cap = pending.cap == 0 ? 1 << 16 : pending.cap * 2;
        PyObject **more = realloc(pending.items, cap * sizeof *more);
        if (more == NULL) {
            return 0; /* it stays mortal: slower, not wrong */
        }
        pending.items = more;
        pending.cap = cap;
    }
    o->ob_refcnt = _Py_IMMORTAL_REFCNT;
    pending.items[pending.len++] = o;
    return 0;
}

static int immortalise_root(PyObject *o, void *arg)
{
    immortalise(o, arg);
    return 1;
}

/* Makes every object of the image immortal. Their reference counts are then
 * never written again, so a call leaves their pages clean, and the interpreter
 * skips the counting. None of them could be freed to any use: the next call
 * begins with the image again. */
static void immortalise_all(void)
{
    PyUnstable_GC_VisitObjects(immortalise_root, NULL);
    while (pending.len > 0) {
        PyObject *o = pending.items[--pending.len];
        if (PyCode_Check(o)) {
            PyCodeObject *c = (PyCodeObject *)o;
            immortalise(c->co_consts, NULL);
            immortalise(c->co_names, NULL);
            immortalise(c->co_exceptiontable, NULL);
            immortalise(c->co_localsplusnames, NULL);
            immortalise(c->co_localspluskinds, NULL);
            immortalise(c->co_filename, NULL);
            immortalise(c->co_name, NULL);
            immortalise(c->co_qualname, NULL);
            immortalise(c->co_linetable, NULL);
        }
        else if (Py_TYPE(o)->tp_traverse != NULL) {
            Py_TYPE(o)->tp_traverse(o, immortalise, NULL);
        }
        immortalise((PyObject *)Py_TYPE(o), NULL);
    }
    free(pending.items);
    memset(&pending, 0, sizeof pending);
}

/* Prepares the heap for being frozen into an image. */
static void settle(void)
{
    PyGC_Collect();
    immortalise_all();
    PyObject *gc = PyImport_ImportModule("gc");
    PyObject *done = gc == NULL ? NULL : PyObject_CallMethod(gc, "freeze", NULL);
    Py_XDECREF(done);
    Py_XDECREF(gc);
    PyErr_Clear();
    void *slack = malloc(HEAP_SLACK);
    free(slack);
}

/* Takes all free memory below the end of the heap, for good, so that what is
 * allocated from now on lies together there. A service's own objects then
 * fill a few pages of their own instead of gaps in pages of the base image,
 * and its image holds little more than them. */
static void seal(void)
{
    char *end = malloc(HEAP_SLACK); /* more than any gap has */
    free(end);
    for (size_t size = HEAP_SLACK / 4; size >= 8; size -= size > 1024 ? size / 16 & ~(size_t)7 : 8) {
        char *p;
        while ((p = malloc(size)) != NULL && p < end) {
        }
        free(p);
    }
    /* Python's own allocator: its pools are full when a block comes from a
     * pool beyond, which later blocks of that size share. */
    for (size_t size = 512; size >= 8; size -= 8) {
        char *p;
        while ((p = PyObject_Malloc(size)) != NULL && p < end) {
        }
    }
}

/* --- Exports ------------------------------------------------------------ */

/* Replies with the exception that is set, as far as that works without
 * Python code: serai._runtime has failed itself, mostly for lack of memory. */
static int32_t reply_exception(void)
{
    PyObject *exc = PyErr_GetRaisedException();
    PyObject *message = exc == NULL ? NULL : PyObject_Str(exc);
    if (message == NULL) {
        PyErr_Clear();
        message = PyUnicode_FromString("the interpreter failed");
    }
    PyObject *fields = message == NULL ? NULL
        : Py_BuildValue("(sssO)", "error.type", exc == NULL ? "SystemError" : Py_TYPE(exc)->tp_name, "error.message", message);
    if (fields != NULL) {
        send_reply(fields, Py_None);
    }
    PyErr_Clear();
    Py_XDECREF(fields);
    Py_XDECREF(message);
    Py_XDECREF(exc);
    return CODE_FAILED;
}

/* Sends what Python returned: None if the reply is set already, (fields,
 * body) for a reply, (fields, body, code) for a failure. */
static int32_t finish(PyObject *result)
{
    int32_t code = 0;
    if (result == NULL) {
        return reply_exception();
    }
    if (result != Py_None) {
        if (!PyTuple_Check(result) || PyTuple_GET_SIZE(result) < 2) {
            PyErr_SetString(PyExc_TypeError, "the runtime returned no reply");
            Py_DECREF(result);
            return reply_exception();
        }
        code = send_reply(PyTuple_GET_ITEM(result, 0), PyTuple_GET_ITEM(result, 1));
        if (PyErr_Occurred()) {
            code = reply_exception();
        }
        else if (code == 0 && PyTuple_GET_SIZE(result) > 2) {
            code = (int32_t)PyLong_AsLong(PyTuple_GET_ITEM(result, 2));
        }
    }
    Py_DECREF(result);
    return code;
}

EXPORT(serai_boot) int32_t serai_boot(void)
{
    PyPreConfig pre;
    PyPreConfig_InitIsolatedConfig(&pre);
    pre.utf8_mode = 1;
    PyStatus status = Py_PreInitialize(&pre);
    if (PyStatus_Exception(status) || PyImport_AppendInittab("_serai", serai_module_init) < 0) {
        return CODE_INTERNAL;
    }
    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config.site_import = 0;
    config.write_bytecode = 0;
    config.install_signal_handlers = 0;
    config.buffered_stdio = 0;
    config.module_search_paths_set = 1;
    config.code_debug_ranges = 1;
    status = PyConfig_SetString(&config, &config.program_name, L"python");
    if (!PyStatus_Exception(status)) status = PyConfig_SetString(&config, &config.executable, L"");
    if (!PyStatus_Exception(status)) status = PyConfig_SetString(&config, &config.prefix, L"/");
    if (!PyStatus_Exception(status)) status = PyConfig_SetString(&config, &config.exec_prefix, L"/");
    if (!PyStatus_Exception(status)) status = PyConfig_SetString(&config, &config.stdlib_dir, L"/lib");
    if (!PyStatus_Exception(status)) status = PyWideStringList_Append(&config.module_search_paths, L"/lib");
    if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status)) {
        const char *why = status.err_msg != NULL ? status.err_msg : "unknown";
        host_log(50, why, (uint32_t)strlen(why));
        return CODE_INTERNAL;
    }
    PyThreadState_Get()->c_recursion_remaining = C_RECURSION;
    PyObject *runtime = PyImport_ImportModule("serai._runtime");
    PyObject *done = runtime == NULL ? NULL : PyObject_CallMethod(runtime, "boot", NULL);
    if (done != NULL) {
        run_init = PyObject_GetAttrString(runtime, "init");
    }
    if (run_init == NULL) {
        PyErr_Print();
        return reply_exception();
    }
    Py_DECREF(done);
    Py_DECREF(runtime);
    settle();
    seal();
    return 0;
}

EXPORT(serai_init) int32_t serai_init(uint32_t env_len, uint32_t body_len)
{
    (void)body_len;
    _PyRandom_Epoch++;
    PyObject *envelope = read_message(0, env_len, 0, NULL);
    PyObject *handler = envelope == NULL ? NULL : PyObject_CallOneArg(run_init, envelope);
    Py_XDECREF(envelope);
    if (handler == NULL || PyTuple_Check(handler)) {
        return finish(handler);
    }
    Py_XSETREF(run_handle, handler);
    settle();
    return 0;
}

EXPORT(serai_handle) int32_t serai_handle(uint32_t env_len, uint32_t body_len)
{
    _PyRandom_Epoch++;
    if (run_handle == NULL) {
        return CODE_INTERNAL;
    }
    /* A body that is long, or may be, is passed as its length, -1 if unknown. */
    int later = body_len > INLINE_BODY;
    PyObject *body = NULL, *envelope = read_message(0, env_len, body_len, later ? NULL : &body);
    if (envelope != NULL && later && (body = PyLong_FromLongLong(body_len == UNKNOWN_LENGTH ? -1 : (long long)body_len)) == NULL) {
        Py_CLEAR(envelope);
    }
    if (envelope == NULL) {
        return reply_exception();
    }
    PyObject *args[] = {envelope, body};
    PyObject *result = PyObject_Vectorcall(run_handle, args, 2, NULL);
    Py_DECREF(envelope);
    Py_DECREF(body);
    return finish(result);
}
