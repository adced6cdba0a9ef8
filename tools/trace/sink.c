/* SPDX-License-Identifier: MIT
 * sink.c: compresses chunks and writes them to the file.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "chunks.h"
#include "trace.h"

/* Events that came slowly are worth the time they left. HARD makes those of g++ 12 percent smaller
 * than QUICK, for some 15 more nanoseconds a byte: at HARD_NS that is at most a quarter of a
 * processor. Of definitions there are few. */
#define QUICK 1
#define HARD 9
#define HARD_NS 64 /* a byte */

bool pki_why(char *why, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(why, TRACE_WHY, format, values);
    va_end(values);
    return false;
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static int level_for(struct pki_sink *s, enum trace_kind kind, size_t bytes)
{
    if (kind != TRACE_EVENTS) return HARD;
    uint64_t before = s->time;
    s->time = now();
    return s->time - before >= bytes * HARD_NS ? HARD : QUICK;
}

bool pki_sink_open(struct pki_sink *s, int fd, char *why)
{
    *s = (struct pki_sink){.fd = fd, .packer = ZSTD_createCCtx()};
    if (!s->packer || ZSTD_isError(ZSTD_CCtx_setParameter(s->packer, ZSTD_c_checksumFlag, 1))) {
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
    int level = level_for(s, kind, content->n);
    size_t n = ZSTD_CCtx_setParameter(s->packer, ZSTD_c_compressionLevel, level);
    if (!ZSTD_isError(n)) {
        n = ZSTD_compress2(s->packer, packed + TRACE_CHUNK_HEAD, room - TRACE_CHUNK_HEAD,
                           content->at, content->n);
    }
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
