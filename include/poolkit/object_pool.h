/* SPDX-License-Identifier: MIT
 * object_pool.h: a block pool with a type. PK_OBJECT_POOL(NAME, TYPE) declares the type NAME and thin
 * inline functions over block_pool.h:
 *
 *     pk_status NAME_init  (NAME *pool, const pk_block_pool_opts *opts);   opts may be NULL; the block
 *                                                 size, alignment and name are filled in
 *     TYPE     *NAME_new   (NAME *pool);                           NULL and errno if it cannot
 *     void      NAME_delete(NAME *pool, TYPE *object);             NULL is allowed
 *     TYPE     *NAME_next  (NAME *pool, const TYPE *after);        the objects in use
 *     NAME_ref  NAME_ref_of(NAME *pool, const TYPE *object);       with PK_HANDLES
 *     TYPE     *NAME_get   (const NAME *pool, NAME_ref ref);       NULL once it was deleted
 *     pk_status NAME_reserve(NAME *pool, size_t n);                objects made ahead
 *     size_t    NAME_trim  (NAME *pool, size_t keep);
 *     size_t    NAME_fini  (NAME *pool);                           returns how many were in use
 *
 * Constructed state. With the options `construct` and `destroy` an object is built once, when its memory
 * is first used, and stays built while it is free: its lock stays a lock, its buffer stays allocated.
 * `delete` leaves it as it is, `new` finds it so. It is destroyed when its memory goes back. Bring an
 * object into its built state before you delete it.
 *
 * References are of a type of their own, NAME_ref: one pool's cannot be given to another's functions.
 * See pk_handle for what they promise.
 *
 * Example:
 *
 *     #include <poolkit/object_pool.h>
 *     typedef struct { int socket; char *buffer; } connection;
 *     PK_OBJECT_POOL(connections, connection)
 *
 *     static bool make(void *object, void *arg)
 *     {
 *         (void)arg;
 *         return (((connection *)object)->buffer = malloc(4096)) != NULL;
 *     }
 *     static void unmake(void *object, void *arg)
 *     {
 *         (void)arg;
 *         free(((connection *)object)->buffer);
 *     }
 *     int main(void)
 *     {
 *         connections pool;
 *         if (connections_init(&pool, &(pk_block_pool_opts){
 *                 .construct = make, .destroy = unmake, .flags = PK_HANDLES}) != PK_OK) return 1;
 *         connection *c = connections_new(&pool);          // has a buffer
 *         if (!c) return 1;
 *         connections_ref ref = connections_ref_of(&pool, c);
 *         connections_delete(&pool, c);                    // the buffer stays for the next one
 *         if (connections_get(&pool, ref) != NULL) return 1;   // the reference is stale
 *         return connections_fini(&pool) != 0;             // frees the buffers
 *     }
 *
 * Everything else (sizes, threads, cost, memory, failure) is as told in block_pool.h.
 * Idea       J. Bonwick, The slab allocator: an object-caching kernel memory allocator (USENIX 1994).
 */
#ifndef POOLKIT_OBJECT_POOL_H
#define POOLKIT_OBJECT_POOL_H

#include <poolkit/block_pool.h>

/* Declares NAME, NAME_ref and their functions. Parameters end in _ so that none hides a name of the user's. */
#define PK_OBJECT_POOL(NAME, TYPE)                                                                 \
    typedef struct {                                                                               \
        pk_block_pool pool;                                                                        \
    } NAME;                                                                                        \
    typedef struct {                                                                               \
        pk_handle handle;                                                                          \
    } NAME##_ref;                                                                                  \
    PK_UNUSED static inline pk_status NAME##_init(NAME *pool_, const pk_block_pool_opts *opts_)    \
    {                                                                                              \
        return pk_object_pool_init(&pool_->pool, opts_, sizeof(TYPE), PK_ALIGNOF(TYPE), #NAME);    \
    }                                                                                              \
    PK_UNUSED static inline TYPE *NAME##_new(NAME *pool_)                                          \
    {                                                                                              \
        return PK_CAST(TYPE *, pk_block_pool_alloc(&pool_->pool));                                 \
    }                                                                                              \
    PK_UNUSED static inline void NAME##_delete(NAME *pool_, TYPE *object_)                         \
    {                                                                                              \
        pk_block_pool_free(&pool_->pool, object_);                                                 \
    }                                                                                              \
    PK_UNUSED static inline TYPE *NAME##_next(NAME *pool_, const TYPE *after_)                     \
    {                                                                                              \
        return PK_CAST(TYPE *, pk_block_pool_next_live(&pool_->pool, after_));                     \
    }                                                                                              \
    PK_UNUSED static inline NAME##_ref NAME##_ref_of(NAME *pool_, const TYPE *object_)             \
    {                                                                                              \
        NAME##_ref ref_;                                                                           \
        ref_.handle = pk_block_pool_handle(&pool_->pool, object_);                                 \
        return ref_;                                                                               \
    }                                                                                              \
    PK_UNUSED static inline TYPE *NAME##_get(const NAME *pool_, NAME##_ref ref_)                   \
    {                                                                                              \
        return PK_CAST(TYPE *, pk_block_pool_at(&pool_->pool, ref_.handle));                       \
    }                                                                                              \
    PK_UNUSED static inline pk_status NAME##_reserve(NAME *pool_, size_t n_)                       \
    {                                                                                              \
        return pk_block_pool_reserve(&pool_->pool, n_);                                            \
    }                                                                                              \
    PK_UNUSED static inline size_t NAME##_trim(NAME *pool_, size_t keep_)                          \
    {                                                                                              \
        return pk_block_pool_trim(&pool_->pool, keep_);                                            \
    }                                                                                              \
    PK_UNUSED static inline size_t NAME##_fini(NAME *pool_)                                        \
    {                                                                                              \
        return pk_block_pool_fini(&pool_->pool);                                                   \
    }

#ifdef __cplusplus
extern "C" {
#endif

/* What NAME_init calls: pk_block_pool_init with opts (may be NULL), but for objects of `size` bytes
 * at `align`, unless opts asks for more of either, and named `name` unless opts has one. */
PK_API pk_status pk_object_pool_init(pk_block_pool *pool, const pk_block_pool_opts *opts,
                                     size_t size, size_t align, const char *name);

#ifdef __cplusplus
}
#endif
#endif /* POOLKIT_OBJECT_POOL_H */
