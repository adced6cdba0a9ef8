/* SPDX-License-Identifier: MIT
 * process_none.c: process.h where there is no operating system: one thread that never ends, no clock,
 * no environment. Messages go to pk_write_error, if the firmware has such a function (a serial
 * line, a log in memory); an abort is the processor's trap. */
#include "os/process.h"

#include "base/attr.h"

PKI_WEAK void pk_write_error(const char *text, size_t size);

/* All moments are one: what waits for time to pass never happens. */
uint64_t pki_os_milliseconds(void) { return 0; }

void pki_os_write_error(const char *text, size_t size)
{
    if (pk_write_error != NULL) {
        pk_write_error(text, size);
    }
}

_Noreturn void pki_os_abort(void) { __builtin_trap(); }

_Noreturn void pki_os_trap(void) { __builtin_trap(); }

void pki_os_place_text(pki_text *text, const void *code) { pki_text_address(text, code); }

uint64_t pki_os_random(void) { return 0x9E3779B97F4A7C15; }

const char *pki_os_environment(const char *name)
{
    (void)name;
    return NULL;
}

bool pki_os_thread_exit_init(void (*at_exit)(bool last))
{
    (void)at_exit;
    return true;
}

void pki_os_watch_thread(void) {}

bool pki_os_on_thread_end(pki_thread_end_hook *hook, void (*fn)(void *arg), void *arg)
{
    (void)hook, (void)fn, (void)arg;
    return true;
}

/* There is one thread: nobody to start, to wait for or to wake. */
bool pki_os_start_thread(const char *name, void (*fn)(void))
{
    (void)name, (void)fn;
    return false;
}

unsigned pki_os_own_threads(void) { return 0; }

void pki_os_sleep(uint32_t milliseconds) { (void)milliseconds; }

void pki_os_wait(_Atomic uint32_t *word, uint32_t value) { (void)word, (void)value; }

void pki_os_wake(_Atomic uint32_t *word) { (void)word; }

bool pki_os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
    (void)before, (void)parent, (void)child;
    return true;
}

/* There is no fork. */
void pki_os_hold_at_fork(pki_lock *lock) { (void)lock; }
