/* serai.h: what a service in C needs to run on Serai, in one header.
 *
 * A service exports serai_handle, reads the request, may perform operations
 * of the host, and sets a reply:
 *
 *     #include "serai.h"
 *
 *     static unsigned char buf[65536];
 *
 *     SERAI_EXPORT(serai_handle)
 *     int32_t serai_handle(uint32_t env_len, uint32_t body_len)
 *     {
 *         serai_message req;
 *         int32_t err = serai_request(env_len, body_len, buf, sizeof buf, &req);
 *         if (err != SERAI_OK)
 *             return err;
 *         return serai_reply_bytes(200, "text/plain", req.body.data, req.body.len);
 *     }
 *
 * No function here allocates, and none needs a C library. It builds with
 * clang for wasm32 with or without WASI; as a reactor or without an entry:
 *
 *     clang --target=wasm32 -Os -ffreestanding -fno-builtin -nostdlib \
 *         -Wl,--no-entry -Wl,--strip-all -o service.wasm service.c
 *
 * Other compilers get the envelope only, for tests. docs/abi.md describes
 * the contract; abi/testdata holds the vectors that this header passes. */
#ifndef SERAI_H
#define SERAI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Codes of errors. A host function returns them negated; serai_handle and
 * serai_init return them as they are. */
enum {
    SERAI_OK = 0,
    SERAI_FAILED = 1,      /* the service's own code failed */
    SERAI_INVALID = 2,     /* an argument is malformed */
    SERAI_DENIED = 3,      /* no grant, or the policy forbids it */
    SERAI_NOT_FOUND = 4,   /* no such key, service or connection */
    SERAI_CONFLICT = 5,    /* the state is not the one expected */
    SERAI_TOO_LARGE = 6,   /* a size limit; also: a buffer of the service is too small */
    SERAI_TIMEOUT = 7,     /* a deadline passed */
    SERAI_UNAVAILABLE = 8, /* try again later */
    SERAI_LIMIT = 9,       /* a quota or a limit of the call */
    SERAI_REMOTE = 10,     /* the remote system answered with an error */
    SERAI_CANCELLED = 11,  /* the caller went away */
    SERAI_UNSUPPORTED = 12, /* the operation does not exist here */
    SERAI_INTERNAL = 13    /* a fault of the host */
};

/* Levels of log records. */
enum { SERAI_DEBUG = 10, SERAI_INFO = 20, SERAI_WARNING = 30, SERAI_ERROR = 40, SERAI_CRITICAL = 50 };

/* Bounds of what crosses the boundary. */
enum { SERAI_MAX_FIELDS = 1024, SERAI_MAX_NAME = 256, SERAI_MAX_ENVELOPE = 1 << 20 };

/* Bytes somewhere in memory; not terminated. */
typedef struct {
    const char *data;
    uint32_t len;
} serai_bytes;

/* Returns a terminated string as bytes. */
static inline serai_bytes serai_str(const char *s)
{
    serai_bytes b = {s, 0};
    while (s[b.len] != 0)
        b.len++;
    return b;
}

/* Reports whether two strings of bytes are alike. */
static inline bool serai_equal(serai_bytes a, serai_bytes b)
{
    if (a.len != b.len)
        return false;
    for (uint32_t i = 0; i < a.len; i++)
        if (a.data[i] != b.data[i])
            return false;
    return true;
}

static inline uint32_t serai_get32(const void *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline void serai_put32(void *p, uint32_t v)
{
    unsigned char *b = (unsigned char *)p;
    b[0] = (unsigned char)v, b[1] = (unsigned char)(v >> 8);
    b[2] = (unsigned char)(v >> 16), b[3] = (unsigned char)(v >> 24);
}

/* --- Reading an envelope ------------------------------------------------
 *
 * An envelope is an ordered list of fields; a name may repeat. Encoded it is
 * a count and, per field, the lengths of name and value, the name and the
 * value. All numbers are unsigned 32-bit little-endian integers. */

typedef struct {
    serai_bytes name, value;
} serai_field;

typedef struct {
    const unsigned char *at;
    uint32_t left;
} serai_reader;

/* What is wrong with an encoded envelope. */
typedef enum { SERAI_WELL = 0, SERAI_CUT, SERAI_TRAILING, SERAI_OVER, SERAI_NAME } serai_fault;

/* Checks that an envelope fills len bytes at p exactly. An envelope must pass
 * before it is read; those of serai_request and serai_do have. */
static inline serai_fault serai_check(const void *p, uint32_t len)
{
    const unsigned char *b = (const unsigned char *)p;
    if (len > SERAI_MAX_ENVELOPE)
        return SERAI_OVER;
    if (len < 4)
        return SERAI_CUT;
    uint32_t count = serai_get32(b), at = 4;
    if (count > SERAI_MAX_FIELDS)
        return SERAI_OVER;
    if (count > (len - 4) / 8)
        return SERAI_CUT;
    for (; count > 0; count--) {
        if (len - at < 8)
            return SERAI_CUT;
        uint32_t name = serai_get32(b + at), value = serai_get32(b + at + 4);
        at += 8;
        if (name > SERAI_MAX_NAME)
            return SERAI_OVER;
        if (name > len - at || value > len - at - name)
            return SERAI_CUT;
        if (name == 0)
            return SERAI_NAME;
        for (uint32_t i = 0; i < name; i++)
            if (b[at + i] <= ' ' || b[at + i] > '~')
                return SERAI_NAME;
        at += name + value;
    }
    return at == len ? SERAI_WELL : SERAI_TRAILING;
}

/* Starts reading the fields of a checked envelope. */
static inline serai_reader serai_fields(serai_bytes envelope)
{
    serai_reader r = {(const unsigned char *)envelope.data + 4, 0};
    if (envelope.len >= 4)
        r.left = serai_get32(envelope.data);
    return r;
}

/* Reads the next field; false when there is none. */
static inline bool serai_next(serai_reader *r, serai_field *f)
{
    if (r->left == 0)
        return false;
    r->left--;
    f->name.len = serai_get32(r->at);
    f->value.len = serai_get32(r->at + 4);
    f->name.data = (const char *)r->at + 8;
    f->value.data = f->name.data + f->name.len;
    r->at += 8 + f->name.len + f->value.len;
    return true;
}

/* Finds the first value of a name in a checked envelope; false if there is none. */
static inline bool serai_find(serai_bytes envelope, const char *name, serai_bytes *value)
{
    serai_bytes want = serai_str(name);
    serai_reader r = serai_fields(envelope);
    for (serai_field f; serai_next(&r, &f);)
        if (serai_equal(f.name, want)) {
            *value = f.value;
            return true;
        }
    return false;
}

/* --- Writing an envelope ------------------------------------------------ */

/* Writes an envelope into a buffer. What does not fit is left out, and full
 * is set: the envelope must not be used then. */
typedef struct {
    unsigned char *buf;
    uint32_t cap, len;
    bool full;
} serai_writer;

/* Starts an empty envelope in a buffer of at least 4 bytes. */
static inline serai_writer serai_write_to(void *buf, uint32_t cap)
{
    serai_writer w = {(unsigned char *)buf, cap, 4, cap < 4};
    if (!w.full)
        serai_put32(buf, 0);
    return w;
}

/* Appends a field. */
static inline void serai_add(serai_writer *w, serai_bytes name, serai_bytes value)
{
    uint32_t left = w->cap - w->len;
    if (w->full || left < 8 || name.len > left - 8 || value.len > left - 8 - name.len) {
        w->full = true;
        return;
    }
    unsigned char *at = w->buf + w->len;
    serai_put32(at, name.len);
    serai_put32(at + 4, value.len);
    at += 8;
    for (uint32_t i = 0; i < name.len; i++)
        *at++ = (unsigned char)name.data[i];
    for (uint32_t i = 0; i < value.len; i++)
        *at++ = (unsigned char)value.data[i];
    w->len += 8 + name.len + value.len;
    serai_put32(w->buf, serai_get32(w->buf) + 1);
}

/* Appends a field of two terminated strings. */
static inline void serai_set(serai_writer *w, const char *name, const char *value)
{
    serai_add(w, serai_str(name), serai_str(value));
}

/* --- The host, in WebAssembly only -------------------------------------- */

#ifdef __wasm__

/* Exports a function under its name in the ABI. */
#define SERAI_EXPORT(name) __attribute__((export_name(#name), used, visibility("default")))
#define SERAI_IMPORT(name) __attribute__((import_module("serai_v1"), import_name(#name)))

#ifdef __cplusplus
extern "C" {
#endif

/* The functions of the host as they are; docs/abi.md has their contract. */
SERAI_IMPORT(call) int32_t serai_host_call(const void *env, uint32_t env_len, const void *body, uint32_t body_len, void *result);
SERAI_IMPORT(read) int32_t serai_host_read(uint32_t handle, void *p, uint32_t len);
SERAI_IMPORT(write) int32_t serai_host_write(uint32_t handle, const void *p, uint32_t len);
SERAI_IMPORT(close) int32_t serai_host_close(uint32_t handle);
SERAI_IMPORT(reply) int32_t serai_host_reply(const void *env, uint32_t env_len, const void *body, uint32_t body_len);
SERAI_IMPORT(log) int32_t serai_host_log(int32_t level, const void *p, uint32_t len);
SERAI_IMPORT(time) int64_t serai_host_time(int32_t clock);
SERAI_IMPORT(random) int32_t serai_host_random(void *p, uint32_t len);

#ifdef __cplusplus
}
#endif

/* A body's length that is not known: it ends where a read returns 0. */
#define SERAI_UNKNOWN_LENGTH 0xffffffffu

/* An envelope, checked, and the body that goes with it. */
typedef struct {
    serai_bytes envelope, body;
} serai_message;

/* Reads envelope and body from a handle into buf. */
static inline int32_t serai_receive(uint32_t handle, uint32_t env_len, uint32_t body_len, void *buf, uint32_t cap, serai_message *m)
{
    char *p = (char *)buf;
    int ends = body_len == SERAI_UNKNOWN_LENGTH; /* where a read returns 0 */
    if (env_len > cap || (!ends && body_len > cap - env_len))
        return SERAI_TOO_LARGE;
    uint32_t want = ends ? cap : env_len + body_len, have = 0;
    while (have < want) {
        int32_t n = serai_host_read(handle, p + have, want - have);
        if (n == 0 && ends)
            break;
        if (n <= 0)
            return n < 0 ? -n : SERAI_INTERNAL;
        have += (uint32_t)n;
    }
    if (ends) {
        char more;
        int32_t n = have < want ? 0 : serai_host_read(handle, &more, 1);
        if (n != 0)
            return n < 0 ? -n : SERAI_TOO_LARGE;
        if (have < env_len)
            return SERAI_INTERNAL;
        body_len = have - env_len;
    }
    if (serai_check(p, env_len) != SERAI_WELL)
        return SERAI_INTERNAL;
    m->envelope = (serai_bytes){p, env_len};
    m->body = (serai_bytes){p + env_len, body_len};
    return SERAI_OK;
}

/* Reads the request into buf, from the arguments of serai_handle or serai_init.
 * Returns SERAI_OK, or SERAI_TOO_LARGE if the buffer is too small. */
static inline int32_t serai_request(uint32_t env_len, uint32_t body_len, void *buf, uint32_t cap, serai_message *req)
{
    return serai_receive(0, env_len, body_len, buf, cap, req);
}

/* Performs the operation that the envelope of w names in its field op, and
 * reads its outcome into buf. With a code other than SERAI_OK the outcome's
 * field error.message may say more; out is empty if it does not. */
static inline int32_t serai_do(const serai_writer *w, serai_bytes body, void *buf, uint32_t cap, serai_message *out)
{
    static const unsigned char none[4];
    unsigned char result[12];
    out->envelope = (serai_bytes){(const char *)none, sizeof none};
    out->body = (serai_bytes){(const char *)none, 0};
    if (w->full)
        return SERAI_TOO_LARGE;
    int32_t code = -serai_host_call(w->buf, w->len, body.data, body.len, result);
    uint32_t handle = serai_get32(result);
    if (handle == 0)
        return code;
    int32_t err = serai_receive(handle, serai_get32(result + 4), serai_get32(result + 8), buf, cap, out);
    serai_host_close(handle);
    return code != SERAI_OK ? code : err;
}

/* Sets the reply, which can be done once. */
static inline int32_t serai_reply(const serai_writer *w, serai_bytes body)
{
    if (w->full)
        return SERAI_TOO_LARGE;
    return -serai_host_reply(w->buf, w->len, body.data, body.len);
}

/* Sets a reply with a status from 200 to 599 and a content type. */
static inline int32_t serai_reply_bytes(int status, const char *content_type, const char *body, uint32_t len)
{
    unsigned char buf[512];
    char digits[3] = {(char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10), (char)('0' + status % 10)};
    serai_writer w = serai_write_to(buf, sizeof buf);
    serai_add(&w, serai_str("status"), (serai_bytes){digits, 3});
    serai_set(&w, "header.content-type", content_type);
    return serai_reply(&w, (serai_bytes){body, len});
}

/* Makes the call fail: returns the code, for serai_handle to return, after it
 * has told the host a type and a message for the service's author. */
static inline int32_t serai_fail(int32_t code, const char *type, const char *message)
{
    unsigned char buf[1024];
    serai_writer w = serai_write_to(buf, sizeof buf);
    serai_set(&w, "error.type", type);
    serai_set(&w, "error.message", message);
    serai_reply(&w, (serai_bytes){message, 0});
    return code;
}

/* Writes a log record. */
static inline void serai_log(int32_t level, const char *message)
{
    serai_bytes m = serai_str(message);
    serai_host_log(level, m.data, m.len);
}

#endif /* __wasm__ */
#endif /* SERAI_H */
