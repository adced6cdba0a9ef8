/* SPDX-License-Identifier: MIT
 * encode.c: text escaped for HTML, data packed and in base64.
 */
#include "encode.h"

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

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool report_read_base64(const char *text, unsigned char *bytes, size_t n)
{
    unsigned char value[256];
    memset(value, 0xff, sizeof value);
    for (unsigned char i = 0; i < 64; i++) {
        value[(unsigned char)digits[i]] = i;
    }
    size_t length = (n * 4 + 2) / 3, done = 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char digit = value[(unsigned char)text[i]];
        if (digit > 63) {
            return false;
        }
        bits = bits << 6 | digit;
        if (i % 4 != 0) {
            bytes[done++] = (unsigned char)(bits >> (6 - i % 4 * 2));
        }
    }
    return text[length + strspn(text + length, "=")] == 0;
}

static void write_base64(FILE *out, const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16;
        three |= i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0;
        three |= i + 2 < n ? bytes[i + 2] : 0;
        char four[4] = {digits[three >> 18], digits[three >> 12 & 63],
                        i + 1 < n ? digits[three >> 6 & 63] : '=',
                        i + 2 < n ? digits[three & 63] : '='};
        fwrite(four, 1, 4, out);
    }
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
    write_base64(out, stream, packed);
    free(stream);
#else
    fputs("<script type=\"application/octet-stream\" id=\"data\">", out);
    write_base64(out, (const unsigned char *)bytes, n);
#endif
    fputs("</script>", out);
    return true;
}
