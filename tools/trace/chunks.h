/* SPDX-License-Identifier: MIT
 * chunks.h: the file as a row of compressed chunks: writing one, finding and reading one.
 */
#ifndef POOLKIT_TRACE_CHUNKS_H
#define POOLKIT_TRACE_CHUNKS_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "format.h"

typedef struct ZSTD_CCtx_s ZSTD_CCtx;
typedef struct ZSTD_DCtx_s ZSTD_DCtx;

/* Leaves a sentence in the TRACE_WHY bytes of `why` and returns false. */
bool pki_why(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Where chunks are written. After a failure nothing more is, and the file ends with the last chunk
 * that is complete. */
struct pki_sink {
    int fd;
    bool failed;
    uint32_t number; /* of the next chunk */
    uint64_t at;     /* bytes written */
    uint64_t time;   /* when a chunk of events was last put, CLOCK_MONOTONIC */
    ZSTD_CCtx *packer;
    struct pki_bytes packed;
};

bool pki_sink_open(struct pki_sink *s, int fd, char *why);
bool pki_sink_head(struct pki_sink *s, char *why);
bool pki_sink_put(struct pki_sink *s, enum trace_kind kind, const struct pki_bytes *content,
                  char *why);
void pki_sink_close(struct pki_sink *s);

struct pki_chunk {
    uint64_t at;     /* of its first byte after the head */
    uint32_t length; /* stored bytes */
    enum trace_kind kind;
};

struct pki_source {
    int fd;
    const char *path;
    uint64_t size;
    ZSTD_DCtx *unpacker;
    struct pki_bytes packed;
};

enum pki_found { PKI_FOUND, PKI_FOUND_END, PKI_FOUND_CUT, PKI_FOUND_DAMAGE };

bool pki_source_open(struct pki_source *s, const char *path, char *why);
bool pki_source_head(struct pki_source *s, char *why);
/* The chunk whose head is at `at`, the file's `number`th. */
enum pki_found pki_source_find(struct pki_source *s, uint64_t at, uint32_t number,
                               struct pki_chunk *chunk, char *why);
/* Its content, in place of what `content` holds. */
bool pki_source_read(struct pki_source *s, const struct pki_chunk *chunk, struct pki_bytes *content,
                     char *why);
/* The sentence for a chunk whose content makes no sense. */
bool pki_source_damaged(const struct pki_source *s, const struct pki_chunk *chunk, const char *what,
                        char *why);
void pki_source_close(struct pki_source *s);

#endif
