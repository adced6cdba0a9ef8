/* SPDX-License-Identifier: MIT
 * child.h: starts a command; runs the measured one once, with or without a load that drives it.
 */
#ifndef POOLKIT_TOOL_CHILD_H
#define POOLKIT_TOOL_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct pki_launch {
    const char *path;
    char *const *argv;
    char *const *environment;
    int input, output; /* descriptors that become its standard input and output */
    const char *load;  /* a shell command, or NULL */
    bool ours;         /* it stays in our process group, at our terminal, and may outlive us */
} pki_launch;

typedef struct pki_sample {
    double wall, user, system;
    double peak_bytes, minor_faults, major_faults;
    int code;      /* the exit code, 128 + the signal that killed it */
    int load_code; /* likewise of the load */
} pki_sample;

/* From here on SIGINT, SIGTERM and SIGHUP end the running command first and are remembered. */
void pki_signals_catch(void);
/* The signal that asks us to stop, or 0. */
int pki_signals_seen(void);

/* These return 0, or an exit code of ours with the message already written. Run waits for the end
 * and measures; start returns when the command runs. */
int pki_child_start(const pki_launch *launch, pid_t *pid);
int pki_child_run(const pki_launch *launch, pki_sample *out);

#endif
