/* SPDX-License-Identifier: MIT
 * lock_none.c: lock.h where there is one thread. Nobody else can hold a lock, so whoever has to wait
 * for one interrupted its holder, or is called by it, and would wait for ever. */
#include "os/lock.h"

#include "os/process.h"

PKI_THREAD_LOCAL long pki_thread_tag;
_Atomic uintptr_t pki_lock_forking;

PKI_COLD void pki_lock_wait(pki_lock *lock)
{
    (void)lock;
    static const char text[] = "poolkit: called by an interrupt that interrupted poolkit\n";
    pki_os_write_error(text, sizeof text - 1);
    pki_os_abort();
}

/* Nobody waits. */
void pki_lock_wake(pki_lock *lock) { (void)lock; }

bool pki_lock_take_within(pki_lock *lock, unsigned ms)
{
    (void)ms;
    return pki_lock_try(lock);
}
