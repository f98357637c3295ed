/* Reads envelopes as lines of hexadecimal digits from standard input and
 * prints for each of them what is wrong with it, or what writing the fields
 * that were read gives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../serai.h"

static const char *const faults[] = {"", "truncated", "trailing", "too-large", "name"};

static int digit(int c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

static int run(const char *line, size_t n)
{
    /* Exactly as large as the envelope, so that the sanitizer sees a byte too far. */
    uint32_t len = (uint32_t)(n / 2);
    unsigned char *in = malloc(len + !len), *out = malloc(len + 4);
    if (in == NULL || out == NULL)
        return 1;
    for (uint32_t i = 0; i < len; i++)
        in[i] = (unsigned char)(digit(line[2 * i]) << 4 | digit(line[2 * i + 1]));
    serai_fault fault = serai_check(in, len);
    if (fault != SERAI_WELL) {
        puts(faults[fault]);
    } else {
        serai_writer w = serai_write_to(out, len + 4);
        serai_reader r = serai_fields((serai_bytes){(const char *)in, len});
        for (serai_field f; serai_next(&r, &f);) {
            serai_bytes first;
            char name[SERAI_MAX_NAME + 1];
            memcpy(name, f.name.data, f.name.len);
            name[f.name.len] = 0;
            if (!serai_find((serai_bytes){(const char *)in, len}, name, &first))
                return 1;
            serai_add(&w, f.name, f.value);
        }
        if (w.full)
            return 1;
        for (uint32_t i = 0; i < w.len; i++)
            printf("%02x", w.buf[i]);
        puts("");
        /* A buffer that is a byte too small is reported, not overrun. */
        serai_writer small = serai_write_to(out, w.len - 1);
        for (r = serai_fields((serai_bytes){(const char *)in, len}); w.len > 4;) {
            serai_field f;
            if (!serai_next(&r, &f))
                break;
            serai_add(&small, f.name, f.value);
        }
        if (!small.full)
            return 1;
    }
    free(in);
    free(out);
    return 0;
}

int main(void)
{
    static char line[4 << 20];
    while (fgets(line, sizeof line, stdin) != NULL) {
        size_t n = strcspn(line, "\n");
        if (run(line, n) != 0)
            return 1;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
