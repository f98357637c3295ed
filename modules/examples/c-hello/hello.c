/* The service c-hello: it greets with the word that the tenant's key
 * "greeting" holds, and logs that it did.
 *
 *     clang --target=wasm32 -Os -ffreestanding -fno-builtin -nostdlib -I../../../guest-sdk/c \
 *         -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=16384 -o hello.wasm hello.c
 *     serai deploy hello.wasm --name c-hello --route "GET /c/{name}" */
#include "serai.h"

static unsigned char request[32 << 10], fields[512], outcome[4 << 10];
static char text[1024];
static uint32_t length;

static void append(serai_bytes s)
{
    for (uint32_t i = 0; i < s.len && length < sizeof text; i++)
        text[length++] = s.data[i];
}

SERAI_EXPORT(serai_handle)
int32_t serai_handle(uint32_t env_len, uint32_t body_len)
{
    length = 0; /* unless calls share memory (isolation warm), it is */
    serai_message req, greeting;
    int32_t err = serai_request(env_len, body_len, request, sizeof request, &req);
    if (err != SERAI_OK)
        return err;
    serai_bytes name = serai_str("world");
    serai_find(req.envelope, "param.name", &name);

    serai_writer w = serai_write_to(fields, sizeof fields);
    serai_set(&w, "op", "kv.get");
    serai_set(&w, "key", "greeting");
    err = serai_do(&w, (serai_bytes){0}, outcome, sizeof outcome, &greeting);
    if (err == SERAI_NOT_FOUND)
        greeting.body = serai_str("Hello");
    else if (err != SERAI_OK)
        return serai_fail(err, "kv.get", "the greeting cannot be read");

    append(greeting.body);
    append(serai_str(", "));
    append(name);
    append(serai_str("!\n"));
    serai_log(SERAI_INFO, "greeting from C");
    return serai_reply_bytes(200, "text/plain; charset=utf-8", text, length);
}
