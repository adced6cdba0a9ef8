/* SPDX-License-Identifier: MIT
 * sink.c: compresses chunks and writes them to the file.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "chunks.h"
#include "trace.h"

/* Level 1: level 3 makes recordings of real programs 1 to 4 percent smaller, and one of threads with
 * random sizes no smaller, for more of a processor that the recorded program may need. */
#define LEVEL 1

bool pki_why(char *why, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(why, TRACE_WHY, format, values);
    va_end(values);
    return false;
}

bool pki_sink_open(struct pki_sink *s, int fd, char *why)
{
    *s = (struct pki_sink){.fd = fd, .packer = ZSTD_createCCtx()};
    if (!s->packer || ZSTD_isError(ZSTD_CCtx_setParameter(s->packer, ZSTD_c_checksumFlag, 1)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(s->packer, ZSTD_c_compressionLevel, LEVEL))) {
        s->failed = true;
        return pki_why(why, "there is no memory to compress with");
    }
    return true;
}

static bool write_all(int fd, const uint8_t *from, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, from, n);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        from += done;
        n -= (size_t)done;
    }
    return true;
}

/* What was written of an incomplete chunk is taken back: the file stays readable up to there. */
static bool sink_write(struct pki_sink *s, const uint8_t *from, size_t n, char *why)
{
    if (write_all(s->fd, from, n)) {
        s->at += n;
        return true;
    }
    s->failed = true;
    pki_why(why, "writing failed after %llu bytes: %s", (unsigned long long)s->at, strerror(errno));
    if (ftruncate(s->fd, (off_t)s->at) != 0 || lseek(s->fd, (off_t)s->at, SEEK_SET) < 0) {
        return false;
    }
    return false;
}

bool pki_sink_head(struct pki_sink *s, char *why)
{
    uint8_t head[TRACE_HEAD];
    memcpy(head, TRACE_MAGIC, 8);
    pki_put_u32(head + 8, TRACE_VERSION);
    pki_put_u32(head + 12, ~(uint32_t)TRACE_VERSION);
    return sink_write(s, head, sizeof head, why);
}

bool pki_sink_put(struct pki_sink *s, enum trace_kind kind, const struct pki_bytes *content,
                  char *why)
{
    if (s->failed) return false;
    size_t room = TRACE_CHUNK_HEAD + ZSTD_compressBound(content->n);
    s->packed.n = 0;
    if (content->n > TRACE_RAW_MOST || !pki_bytes_reserve(&s->packed, room)) {
        s->failed = true;
        return pki_why(why, "there is no memory for a chunk of %zu bytes", content->n);
    }
    uint8_t *packed = s->packed.at;
    size_t n = ZSTD_compress2(s->packer, packed + TRACE_CHUNK_HEAD, room - TRACE_CHUNK_HEAD,
                              content->at, content->n);
    if (ZSTD_isError(n) || n > TRACE_PACKED_MOST) {
        s->failed = true;
        return pki_why(why, "compressing failed: %s", ZSTD_getErrorName(n));
    }
    uint32_t word = (uint32_t)n << TRACE_KIND_BITS | (uint32_t)kind;
    pki_put_u32(packed, word);
    pki_put_u32(packed + 4, ~word ^ s->number);
    if (!sink_write(s, packed, TRACE_CHUNK_HEAD + n, why)) return false;
    s->number++;
    return true;
}

void pki_sink_close(struct pki_sink *s)
{
    ZSTD_freeCCtx(s->packer);
    pki_bytes_drop(&s->packed);
}
