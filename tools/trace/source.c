/* SPDX-License-Identifier: MIT
 * source.c: finds the chunks of a file and unpacks them. Nothing is allocated by a number from the
 * file before it is known to be within its limit.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "chunks.h"
#include "trace.h"

/* The first byte of a frame's head after its magic: a checksum follows the content, no dictionary,
 * unused bits are 0. The other bits tell how the content's size is written. */
#define FRAME_FORM_AT 4
#define FRAME_FORM_MASK 0x1f
#define FRAME_FORM 0x04

static bool read_all(struct pki_source *s, uint64_t at, uint8_t *to, size_t n, char *why)
{
    while (n > 0) {
        ssize_t done = pread(s->fd, to, n, (off_t)at);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return pki_why(why, "%s: cannot be read: %s", s->path, strerror(errno));
        if (done == 0) return pki_why(why, "%s: became shorter while it was read", s->path);
        to += done;
        at += (uint64_t)done;
        n -= (size_t)done;
    }
    return true;
}

bool pki_source_open(struct pki_source *s, const char *path, char *why)
{
    struct stat about;
    *s = (struct pki_source){.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (s->fd < 0) return pki_why(why, "%s: cannot be opened: %s", path, strerror(errno));
    if (fstat(s->fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        return pki_why(why, "%s: is not a file", path);
    }
    s->size = (uint64_t)about.st_size;
    s->unpacker = ZSTD_createDCtx();
    if (!s->unpacker) return pki_why(why, "%s: there is no memory to unpack with", path);
    return true;
}

bool pki_source_head(struct pki_source *s, char *why)
{
    uint8_t head[TRACE_HEAD];
    size_t n = s->size < sizeof head ? (size_t)s->size : sizeof head;
    if (!read_all(s, 0, head, n, why)) return false;
    if (n == 0) return pki_why(why, "%s: is empty, not a poolkit trace", s->path);
    if (memcmp(head, TRACE_MAGIC, n < 8 ? n : 8) != 0) {
        return pki_why(why, "%s: is not a poolkit trace", s->path);
    }
    if (n < sizeof head) {
        return pki_why(why, "%s: is cut short after %zu bytes: it holds nothing", s->path, n);
    }
    uint32_t version = pki_get_u32(head + 8);
    if (pki_get_u32(head + 12) != ~version) {
        return pki_why(why, "%s: is damaged: its version is unreadable", s->path);
    }
    if (version != TRACE_VERSION) {
        return pki_why(why, "%s: has version %u of the trace format, this poolkit reads version %d",
                       s->path, version, TRACE_VERSION);
    }
    return true;
}

enum pki_found pki_source_find(struct pki_source *s, uint64_t at, uint32_t number,
                               struct pki_chunk *chunk, char *why)
{
    uint8_t head[TRACE_CHUNK_HEAD];
    if (at == s->size) return PKI_FOUND_END;
    if (s->size - at < sizeof head) return PKI_FOUND_CUT;
    if (!read_all(s, at, head, sizeof head, why)) return PKI_FOUND_DAMAGE;
    uint32_t word = pki_get_u32(head);
    uint32_t kind = word & ((1u << TRACE_KIND_BITS) - 1);
    if (pki_get_u32(head + 4) != (~word ^ number) || kind == 0 || kind >= TRACE_KIND_END) {
        pki_why(why, "%s: is damaged: there is no chunk %u at byte %llu", s->path, number,
                (unsigned long long)at);
        return PKI_FOUND_DAMAGE;
    }
    *chunk = (struct pki_chunk){
        .at = at + sizeof head, .length = word >> TRACE_KIND_BITS, .kind = (enum trace_kind)kind};
    return s->size - chunk->at < chunk->length ? PKI_FOUND_CUT : PKI_FOUND;
}

bool pki_source_damaged(const struct pki_source *s, const struct pki_chunk *chunk, const char *what,
                        char *why)
{
    return pki_why(why, "%s: is damaged: the chunk at byte %llu %s", s->path,
                   (unsigned long long)(chunk->at - TRACE_CHUNK_HEAD), what);
}

/* One frame of the form that the writer makes, and nothing beside it. Its content's size, or more
 * than TRACE_RAW_MOST if it is not that. */
static uint64_t frame_content(const uint8_t *frame, size_t n)
{
    if (n <= FRAME_FORM_AT || ZSTD_findFrameCompressedSize(frame, n) != n ||
        (frame[FRAME_FORM_AT] & FRAME_FORM_MASK) != FRAME_FORM) {
        return UINT64_MAX;
    }
    return ZSTD_getFrameContentSize(frame, n); /* "unknown" and "error" are the greatest numbers */
}

bool pki_source_read(struct pki_source *s, const struct pki_chunk *chunk, struct pki_bytes *content,
                     char *why)
{
    s->packed.n = content->n = 0;
    if (!pki_bytes_reserve(&s->packed, chunk->length)) {
        return pki_why(why, "%s: there is no memory for a chunk", s->path);
    }
    if (!read_all(s, chunk->at, s->packed.at, chunk->length, why)) return false;
    uint64_t size = frame_content(s->packed.at, chunk->length);
    if (size > TRACE_RAW_MOST) return pki_source_damaged(s, chunk, "is not compressed data", why);
    if (!pki_bytes_reserve(content, (size_t)size)) {
        return pki_why(why, "%s: there is no memory for a chunk", s->path);
    }
    size_t done =
        ZSTD_decompressDCtx(s->unpacker, content->at, (size_t)size, s->packed.at, chunk->length);
    if (ZSTD_isError(done) || done != size) {
        return pki_source_damaged(s, chunk, "is not what was written", why);
    }
    content->n = done;
    return true;
}

void pki_source_close(struct pki_source *s)
{
    if (s->fd >= 0) close(s->fd);
    ZSTD_freeDCtx(s->unpacker);
    pki_bytes_drop(&s->packed);
}
