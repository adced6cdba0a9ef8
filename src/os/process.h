/* SPDX-License-Identifier: MIT
 * process.h: the few things beside memory that poolkit asks of the operating system. */
#ifndef PKI_OS_PROCESS_H
#define PKI_OS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "os/lock.h"

/* Milliseconds of a clock that never goes back; cheap (no system call), some 4 ms coarse. */
uint64_t pki_os_milliseconds(void);

/* Writes a message to standard error: no buffering, no allocation, errno is kept. */
void pki_os_write_error(const char *text, size_t size);

_Noreturn void pki_os_abort(void);

/* Stops where a debugger sees it: the processor's trap. */
_Noreturn void pki_os_trap(void);

/* Writes where an address of the program's code lies: "program+0x1234", the file's name and the offset in
 * it, with the name of the function if the file exports it; else the address. */
void pki_os_place_text(pki_text *text, const void *code);

/* A number that nobody outside the process can guess; at worst one that changes from run to run. */
uint64_t pki_os_random(void);

/* An environment variable, or NULL also where a setuid program must not trust it. */
const char *pki_os_environment(const char *name);

/* Has `at_exit` run at the end of each thread that calls pki_os_watch_thread: several times, because
 * the thread's own destructors may allocate in between, and with `last` the last time. false:
 * threads then end unnoticed. */
bool pki_os_thread_exit_init(void (*at_exit)(bool last));
void pki_os_watch_thread(void);

/* Has fn(arg) run when the calling thread ends. The hook is static, zero-filled, always used with the
 * same fn; a second call in one thread changes its arg. false: no room for it. */
typedef struct {
    bool made;
    unsigned key;
} pki_thread_end_hook;

bool pki_os_on_thread_end(pki_thread_end_hook *hook, void (*fn)(void *arg), void *arg);

/* Starts a thread of our own that runs fn for ever: detached, all signals blocked, a small stack. The
 * name has at most 15 bytes. false: it cannot be had. May allocate. */
bool pki_os_start_thread(const char *name, void (*fn)(void));

/* How many of these this process has. */
unsigned pki_os_own_threads(void);

void pki_os_sleep(uint32_t milliseconds);

/* Sleeps until pki_os_wake, unless *word is not `value`; may return early. */
void pki_os_wait(_Atomic uint32_t *word, uint32_t value);
void pki_os_wake(_Atomic uint32_t *word);

/* Runs `before` in the thread that forks, then `parent` and `child` in the two processes. */
bool pki_os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void));

/* From now on the lock is held while the process forks, and free in the child. For the few locks under
 * which no other one is taken; each once. */
void pki_os_hold_at_fork(pki_lock *lock);

#endif /* PKI_OS_PROCESS_H */
