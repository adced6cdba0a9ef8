/* SPDX-License-Identifier: MIT
 * owner_remote.c: blocks of other owners are gathered in boxes, and go home in batches. */
#include "base/attr.h"
#include "slab/meta.h"
#include "slab/owner.h"

static size_t class_size(const pki_owner *owner, size_t class_offset)
{
    return owner->space->geometry->classes[class_offset / sizeof(pki_bin)].size;
}

static void count_mail(pki_owner *owner, size_t blocks, size_t bytes)
{
    size_t n = atomic_load_explicit(&owner->mail_blocks, memory_order_relaxed);
    size_t size = atomic_load_explicit(&owner->mail_bytes, memory_order_relaxed);
    atomic_store_explicit(&owner->mail_blocks, n + blocks, memory_order_relaxed);
    atomic_store_explicit(&owner->mail_bytes, size + bytes, memory_order_relaxed);
}

/* Emptied first: a fault handler may free, and use this box again. */
static void send_box(pki_owner *self, pki_outbox *box)
{
    pki_outbox mail = *box;
    box->n = 0;
    box->bytes = 0;
    count_mail(self, -(size_t)mail.n, -(size_t)mail.bytes);
    pki_owner *target = mail.n == 0 ? NULL : pki_owner_by_word(mail.key);
    if (target != NULL) {
        pki_owner_put_home(target, mail.block, mail.n, PKI_WAS_HELD);
    }
}

void pki_owner_send(pki_owner *owner)
{
    for (unsigned i = 0; owner->outbox != NULL && i < PKI_OUTBOXES; i++) {
        send_box(owner, &owner->outbox[i]);
    }
}

static void put_in_box(pki_owner *self, pki_outbox *box, uint32_t class_offset, void *p)
{
    uint32_t size = (uint32_t)class_size(self, class_offset);
    box->block[box->n++] = p;
    box->bytes += size;
    count_mail(self, 1, size);
    if (box->n == PKI_OUTBOX_BLOCKS || box->bytes >= PKI_SLAB_SIZE) {
        send_box(self, box);
    }
    pki_owner_tick(self);
}

static bool has_outbox(pki_owner *self)
{
    if (self->outbox == NULL) {
        self->outbox = pki_meta_alloc(PKI_OUTBOXES * sizeof *self->outbox);
    }
    return self->outbox != NULL;
}

/* The first block for this owner since the box was another's. */
static PKI_NOINLINE void free_to_new_box(pki_owner *self, uint32_t word, void *p)
{
    pki_owner *target = pki_owner_by_word(word);
    if (target == NULL || (word ^ target->key) >= target->limit) {
        pki_space_free_direct(word, p); /* a fault, or a slab that changed hands just now */
        return;
    }
    if (!has_outbox(self)) {
        pki_owner_put_home(target, &p, 1, PKI_WAS_HELD);
        return;
    }
    pki_outbox *box = &self->outbox[(word >> 16) % PKI_OUTBOXES];
    send_box(self, box);
    box->key = target->key;
    box->limit = target->limit;
    put_in_box(self, box, word ^ box->key, p);
}

void pki_owner_free_remote(pki_owner *self, uint32_t word, void *p)
{
    pki_outbox *box = self->outbox == NULL ? NULL : &self->outbox[(word >> 16) % PKI_OUTBOXES];
    if (pki_likely(box != NULL && (word ^ box->key) < box->limit)) {
        put_in_box(self, box, word ^ box->key, p);
    } else {
        free_to_new_box(self, word, p);
    }
}
