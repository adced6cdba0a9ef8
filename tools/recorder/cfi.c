/* SPDX-License-Identifier: MIT
 * cfi.c: what the unwind tables of a module say about one address in it.
 *
 *   .eh_frame_hdr   version, three encodings, -> .eh_frame, count, sorted (function, entry) pairs
 *   .eh_frame       entry (FDE): length, -> common part (CIE), function, bytes, program
 *                   common part: augmentation, factors, encoding, first part of the program
 *
 * The program is run until it has passed the address. Pointer encodings are those that compilers
 * and linkers use for code that is mapped by the dynamic linker: relative to their own place or to
 * the header, four or eight bytes. Anything else makes the rule unknown.
 */
#include "cfi.h"
#include "cursor.h"

#include <stdbool.h>
#include <string.h>

#define RBP 6u
#define RSP 7u
#define RA 16u
#define SAVED_ROWS 8

#define ENC_FORMAT 0x0f
#define ENC_RELATIVE 0x70
#define ENC_PCREL 0x10
#define ENC_DATAREL 0x30
#define HDR_TABLE (ENC_DATAREL | 0x0b) /* the only form of a sorted table: 4 bytes, signed */

struct row {
    enum pki_cfa cfa;
    int64_t offset;
    enum pki_rbp rbp_at;
    int64_t rbp; /* bytes */
    bool outermost;
    bool odd_ra; /* the return address is not at CFA - 8 */
};

struct entry {
    uintptr_t function, size;
    uint64_t code_factor;
    int64_t data_factor;
    uint8_t encoding;
    bool augmented, signal;
    struct cursor first, program; /* the CIE's instructions, the FDE's */
};

/* A number in one of the fixed formats; `format` is the low half of an encoding. */
static int64_t take_number(struct cursor *c, uint8_t format)
{
    switch (format) {
    case 0x00:
    case 0x04:
    case 0x0c:
        return (int64_t)take(c, 8);
    case 0x03:
        return (int64_t)take(c, 4);
    case 0x0b:
        return (int32_t)(uint32_t)take(c, 4);
    default:
        c->bad = true;
        return 0;
    }
}

static uintptr_t take_pointer(struct cursor *c, uint8_t encoding, const uint8_t *header)
{
    uintptr_t here = (uintptr_t)c->at;
    uintptr_t value = (uintptr_t)take_number(c, encoding & ENC_FORMAT);
    switch (encoding & ENC_RELATIVE) {
    case 0:
        return value;
    case ENC_PCREL:
        return value + here;
    case ENC_DATAREL:
        return value + (uintptr_t)header;
    default:
        c->bad = true;
        return 0;
    }
}

/* Opens a record of .eh_frame: the cursor then holds what follows its length. */
static bool open_record(struct cursor *c, const uint8_t *at, uintptr_t start, uintptr_t end)
{
    if ((uintptr_t)at < start || (uintptr_t)at >= end) {
        return false;
    }
    *c = (struct cursor){.at = at, .end = at + (end - (uintptr_t)at)};
    uint64_t length = take(c, 4);
    if (length == UINT32_MAX) {
        length = take(c, 8);
    }
    if (c->bad || length < 4 || length > (size_t)(c->end - c->at)) {
        return false;
    }
    c->end = c->at + length;
    return true;
}

/* What follows the augmentation string's letters, in their order. */
static bool read_augmentation(struct cursor *c, struct entry *e, const char *letters)
{
    uint64_t length = take_uleb(c);
    const uint8_t *after = c->at;
    if (length > (size_t)(c->end - c->at)) {
        return false;
    }
    after += length;
    for (const char *l = letters + 1; *l; l++) {
        if (*l == 'R') {
            e->encoding = (uint8_t)take(c, 1);
        } else if (*l == 'L') {
            take(c, 1);
        } else if (*l == 'P') {
            uint8_t encoding = (uint8_t)take(c, 1);
            take_number(c, encoding & ENC_FORMAT);
        } else if (*l == 'S') {
            e->signal = true;
        } else if (*l != 'B') {
            return false;
        }
    }
    c->at = after;
    return !c->bad;
}

static bool read_cie(struct entry *e, const uint8_t *at, uintptr_t start, uintptr_t end)
{
    struct cursor c;
    if (!open_record(&c, at, start, end) || take(&c, 4) != 0) {
        return false;
    }
    uint64_t version = take(&c, 1);
    const char *letters = (const char *)c.at;
    size_t length = strnlen(letters, (size_t)(c.end - c.at));
    skip(&c, length + 1);
    e->code_factor = take_uleb(&c);
    e->data_factor = take_sleb(&c);
    uint64_t ra = version == 1 ? take(&c, 1) : take_uleb(&c);
    if (c.bad || (version != 1 && version != 3) || ra != RA) {
        return false;
    }
    e->augmented = *letters == 'z';
    if (e->augmented ? !read_augmentation(&c, e, letters) : *letters != '\0') {
        return false;
    }
    e->first = c;
    return true;
}

static bool read_entry(struct entry *e, const uint8_t *header, const uint8_t *at, uintptr_t start,
                       uintptr_t end)
{
    struct cursor c;
    memset(e, 0, sizeof *e);
    if (!open_record(&c, at, start, end)) {
        return false;
    }
    const uint8_t *here = c.at;
    uint64_t back = take(&c, 4);
    if (back == 0 || back > (uintptr_t)here - start || !read_cie(e, here - back, start, end)) {
        return false;
    }
    e->function = take_pointer(&c, e->encoding, header);
    e->size = (uintptr_t)take_number(&c, e->encoding & ENC_FORMAT);
    if (e->augmented) {
        skip(&c, take_uleb(&c));
    }
    e->program = c;
    return !c.bad;
}

/* The entry of the last function that begins at or before `pc`, by the sorted table. */
static const uint8_t *find_entry(const uint8_t *header, uintptr_t end, uintptr_t pc)
{
    struct cursor c = {.at = header, .end = header + (end - (uintptr_t)header)};
    uint64_t version = take(&c, 1);
    uint8_t frame_encoding = (uint8_t)take(&c, 1), count_encoding = (uint8_t)take(&c, 1);
    if (version != 1 || take(&c, 1) != HDR_TABLE || c.bad) {
        return NULL;
    }
    take_pointer(&c, frame_encoding, header);
    size_t count = (size_t)take_pointer(&c, count_encoding, header);
    if (c.bad || count == 0 || count > (size_t)(c.end - c.at) / 8) {
        return NULL;
    }
    size_t low = 0, high = count;
    int32_t pair[2];
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        memcpy(pair, c.at + middle * 8, sizeof pair);
        if ((uintptr_t)header + (uintptr_t)(intptr_t)pair[0] <= pc) {
            low = middle;
        } else {
            high = middle;
        }
    }
    memcpy(pair, c.at + low * 8, sizeof pair);
    return header + pair[1];
}

/* Expressions in the three forms that occur: that of the procedure linkage table, where the rule
 * depends on the address alone; a word on the stack (functions that realign it); rbp + n. */
static void set_cfa_expression(struct row *row, struct cursor c, uintptr_t pc)
{
    static const uint8_t before[] = {0x77, 8, 0x80, 0, 0x3f, 0x1a}; /* rsp + 8, rip & 15 ... */
    static const uint8_t after[] = {0x2a, 0x33, 0x24, 0x22};        /* >= limit, << 3, + */
    size_t length = (size_t)(c.end - c.at);
    row->cfa = PKI_CFA_UNKNOWN;
    if (length == 11 && memcmp(c.at, before, 6) == 0 && memcmp(c.at + 7, after, 4) == 0 &&
        c.at[6] >= 0x30 && c.at[6] <= 0x4f) {
        row->cfa = PKI_CFA_RSP;
        row->offset = (pc & 15) >= (uintptr_t)(c.at[6] - 0x30) ? 16 : 8;
    } else if (length >= 2 && take(&c, 1) == 0x76) {
        row->offset = take_sleb(&c);
        if (c.at == c.end) {
            row->cfa = PKI_CFA_RBP;
        } else if (take(&c, 1) == 0x06 && c.at == c.end && !c.bad) {
            row->cfa = PKI_CFA_AT_RBP;
        }
    }
}

static void set_saved(struct row *row, uint64_t reg, int64_t at_cfa)
{
    if (reg == RBP) {
        row->rbp_at = PKI_RBP_AT_CFA;
        row->rbp = at_cfa;
    } else if (reg == RA) {
        row->odd_ra = at_cfa != -8;
        row->outermost = false;
    }
}

static void set_saved_expression(struct row *row, uint64_t reg, struct cursor c)
{
    if (reg == RA) {
        row->odd_ra = true;
    } else if (reg == RBP) {
        row->rbp_at = PKI_RBP_LOST;
        if (take(&c, 1) == 0x76) {
            int64_t offset = take_sleb(&c);
            if (c.at == c.end && !c.bad) {
                row->rbp_at = PKI_RBP_AT_RBP;
                row->rbp = offset;
            }
        }
    }
}

static void set_unknown(struct row *row, uint64_t reg, enum pki_rbp rbp)
{
    if (reg == RBP) {
        row->rbp_at = rbp;
    }
}

static void set_cfa(struct row *row, uint64_t reg, int64_t offset)
{
    row->cfa = reg == RSP ? PKI_CFA_RSP : reg == RBP ? PKI_CFA_RBP : PKI_CFA_UNKNOWN;
    row->offset = offset;
}

static void restore(struct row *row, const struct row *initial, uint64_t reg)
{
    if (reg == RBP) {
        row->rbp_at = initial->rbp_at;
        row->rbp = initial->rbp;
    } else if (reg == RA) {
        row->odd_ra = initial->odd_ra;
        row->outermost = initial->outermost;
    }
}

static struct cursor take_block(struct cursor *c)
{
    uint64_t length = take_uleb(c);
    struct cursor block = *c;
    skip(c, length);
    block.end = c->bad ? block.at : c->at;
    return block;
}

/* One program: its place in the code, and what remember_state has put aside. */
struct run {
    struct row row, initial, saved[SAVED_ROWS];
    unsigned depth;
    uintptr_t place, pc;
};

/* Instructions that say where the caller's frame begins. False: none of them. */
static bool step_cfa(struct run *run, struct cursor *c, const struct entry *e, uint8_t op)
{
    struct row *row = &run->row;
    uint64_t reg;
    switch (op) {
    case 0x0c:
        reg = take_uleb(c);
        set_cfa(row, reg, (int64_t)take_uleb(c));
        return true;
    case 0x0d:
        set_cfa(row, take_uleb(c), row->offset);
        return true;
    case 0x0e:
        row->offset = (int64_t)take_uleb(c);
        return true;
    case 0x0f:
        set_cfa_expression(row, take_block(c), run->pc);
        return true;
    case 0x12:
        reg = take_uleb(c);
        set_cfa(row, reg, take_sleb(c) * e->data_factor);
        return true;
    case 0x13:
        row->offset = take_sleb(c) * e->data_factor;
        return true;
    default:
        return false;
    }
}

/* Instructions that say where one register is. False: none of them. */
static bool step_register(struct run *run, struct cursor *c, const struct entry *e, uint8_t op)
{
    struct row *row = &run->row;
    uint64_t reg = take_uleb(c);
    switch (op) {
    case 0x05:
        set_saved(row, reg, (int64_t)take_uleb(c) * e->data_factor);
        return true;
    case 0x06:
        restore(row, &run->initial, reg);
        return true;
    case 0x07:
        row->outermost |= reg == RA;
        set_unknown(row, reg, PKI_RBP_LOST);
        return true;
    case 0x08:
        set_unknown(row, reg, PKI_RBP_SAME);
        return true;
    case 0x09: /* in another register */
        take_uleb(c);
        row->odd_ra |= reg == RA;
        set_unknown(row, reg, PKI_RBP_LOST);
        return true;
    case 0x10:
        set_saved_expression(row, reg, take_block(c));
        return true;
    case 0x11:
        set_saved(row, reg, take_sleb(c) * e->data_factor);
        return true;
    case 0x16: /* the value itself by an expression */
        take_block(c);
        row->odd_ra |= reg == RA;
        set_unknown(row, reg, PKI_RBP_LOST);
        return true;
    default:
        return false;
    }
}

/* Instructions whose number stands in the low six bits. False: not understood. */
static bool step_extended(struct run *run, struct cursor *c, const struct entry *e, uint8_t op,
                          const uint8_t *header)
{
    switch (op) {
    case 0x00:
        return true;
    case 0x01:
        run->place = take_pointer(c, e->encoding, header);
        return true;
    case 0x02:
        run->place += take(c, 1) * e->code_factor;
        return true;
    case 0x03:
        run->place += take(c, 2) * e->code_factor;
        return true;
    case 0x04:
        run->place += take(c, 4) * e->code_factor;
        return true;
    case 0x0a:
        if (run->depth == SAVED_ROWS) return false;
        run->saved[run->depth++] = run->row;
        return true;
    case 0x0b:
        if (run->depth == 0) return false;
        run->row = run->saved[--run->depth];
        return true;
    case 0x2e:
        take_uleb(c);
        return true; /* bytes of arguments: for languages that push them */
    default:
        return step_cfa(run, c, e, op) || step_register(run, c, e, op);
    }
}

static bool run_program(struct run *run, struct cursor c, const struct entry *e,
                        const uint8_t *header)
{
    while (c.at < c.end && !c.bad && run->place <= run->pc) {
        uint8_t op = (uint8_t)take(&c, 1), low = op & 0x3f;
        switch (op >> 6) {
        case 1:
            run->place += low * e->code_factor;
            break;
        case 2:
            set_saved(&run->row, low, (int64_t)take_uleb(&c) * e->data_factor);
            break;
        case 3:
            restore(&run->row, &run->initial, low);
            break;
        default:
            if (!step_extended(run, &c, e, low, header)) return false;
        }
    }
    return !c.bad;
}

static struct pki_rule rule_of(const struct row *row)
{
    struct pki_rule rule = {0};
    if (row->outermost) {
        rule.cfa = PKI_CFA_STOP;
    } else if (!row->odd_ra && row->offset == (int32_t)row->offset &&
               row->rbp / 8 == (int16_t)(row->rbp / 8) && row->rbp % 8 == 0) {
        rule.cfa = (uint8_t)row->cfa;
        rule.offset = (int32_t)row->offset;
        rule.rbp_at = (uint8_t)row->rbp_at;
        rule.rbp = (int16_t)(row->rbp / 8);
    }
    return rule;
}

struct pki_rule pki_cfi_rule(const uint8_t *header, uintptr_t start, uintptr_t end, uintptr_t pc)
{
    struct pki_rule unknown = {0};
    struct entry e;
    if ((uintptr_t)header < start || (uintptr_t)header >= end) {
        return unknown;
    }
    const uint8_t *at = find_entry(header, end, pc);
    if (!at || !read_entry(&e, header, at, start, end) || pc - e.function >= e.size) {
        return unknown;
    }
    if (e.signal) {
        unknown.cfa = PKI_CFA_SIGNAL;
        return unknown;
    }
    struct run run = {.place = 0, .pc = pc};
    if (!run_program(&run, e.first, &e, header)) {
        return unknown;
    }
    run.initial = run.row;
    run.place = e.function;
    return run_program(&run, e.program, &e, header) ? rule_of(&run.row) : unknown;
}
