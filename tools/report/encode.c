/* SPDX-License-Identifier: MIT
 * encode.c: text escaped for HTML, data packed and in base64.
 */
#include "encode.h"

#include "text/base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef PKI_ZLIB
#define ZLIB_CONST
#include <zlib.h>
#endif

void report_write_escaped(FILE *out, const char *text)
{
    for (const char *rest = text; *rest;) {
        size_t plain = strcspn(rest, "&<>\"'");
        fwrite(rest, 1, plain, out);
        rest += plain;
        if (*rest) {
            fprintf(out, "&#%d;", *rest);
            rest++;
        }
    }
}

static bool write_base64(FILE *out, const unsigned char *bytes, size_t n)
{
    char *text = pki_base64(bytes, n);
    if (text) {
        fputs(text, out);
    }
    free(text);
    return text != NULL;
}

#ifdef PKI_ZLIB
/* A gzip stream of the bytes, or NULL when there is no memory. */
static unsigned char *pack(const char *bytes, size_t n, size_t *packed)
{
    enum { GZIP = 16, MEMORY = 9 };
    z_stream stream = {0};
    if (n > UINT32_MAX || deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP + MAX_WBITS,
                                       MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
        return NULL;
    }
    size_t room = deflateBound(&stream, (uLong)n);
    unsigned char *result = malloc(room);
    stream.next_in = (const Bytef *)bytes;
    stream.avail_in = (uInt)n;
    stream.next_out = result;
    stream.avail_out = (uInt)room;
    bool whole = result && room <= UINT32_MAX && deflate(&stream, Z_FINISH) == Z_STREAM_END;
    *packed = stream.total_out;
    deflateEnd(&stream);
    if (!whole) {
        free(result);
        return NULL;
    }
    return result;
}
#endif

bool report_write_data(FILE *out, const char *bytes, size_t n)
{
#ifdef PKI_ZLIB
    size_t packed;
    unsigned char *stream = pack(bytes, n, &packed);
    if (!stream) {
        return false;
    }
    fputs("<script type=\"application/octet-stream\" id=\"data\" data-packed=\"gzip\">", out);
    bool done = write_base64(out, stream, packed);
    free(stream);
#else
    fputs("<script type=\"application/octet-stream\" id=\"data\">", out);
    bool done = write_base64(out, (const unsigned char *)bytes, n);
#endif
    fputs("</script>", out);
    return done;
}
