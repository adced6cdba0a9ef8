/* SPDX-License-Identifier: MIT
 * signals.c: signals that reach `poolkit record` and are meant for the command.
 */
#include "record/session.h"

#include <signal.h>
#include <string.h>

static const int handed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
#define N_HANDED_ON (sizeof handed_on / sizeof *handed_on)

enum { NONE, SENT, TYPED };

static volatile sig_atomic_t pending[N_HANDED_ON], toggled;
static _Atomic uint32_t *wake_word;

/* What a terminal sends reaches the whole foreground group, and so the command without us. */
static void on_signal(int number, siginfo_t *about, void *context)
{
    (void)context;
    for (size_t i = 0; i < N_HANDED_ON; i++) {
        if (handed_on[i] == number) {
            pending[i] = about->si_code == SI_KERNEL ? TYPED : SENT;
        }
    }
    if (number == SIGUSR1) {
        toggled = !toggled;
    }
    if (wake_word) {
        atomic_fetch_add(wake_word, 1);
    }
}

static void take_over(int number)
{
    struct sigaction act = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO}, old;
    sigaction(number, NULL, &old);
    if (old.sa_handler != SIG_IGN) {
        sigaction(number, &act, NULL);
    }
}

void record_signals_catch(_Atomic uint32_t *wake)
{
    wake_word = wake;
    for (size_t i = 0; i < N_HANDED_ON; i++) {
        take_over(handed_on[i]);
    }
    take_over(SIGUSR1);
    /* Ignored, SIGCHLD would also mean that nobody can wait for the command. */
    struct sigaction act = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NOCLDSTOP};
    sigaction(SIGCHLD, &act, NULL);
}

void record_signals_release(void) { wake_word = NULL; }

int record_signals_next(bool *terminal)
{
    for (size_t i = 0; i < N_HANDED_ON; i++) {
        if (pending[i]) {
            *terminal = pending[i] == TYPED;
            pending[i] = NONE;
            return handed_on[i];
        }
    }
    return 0;
}

bool record_signals_toggled(void)
{
    bool now = toggled;
    toggled = 0;
    return now;
}
