/* SPDX-License-Identifier: MIT
 * make_trace.c: replay_make_trace FILE THREADS STEPS: a random recording for the tests in shell. */
#include "recording.h"

int main(int argc, char **argv)
{
    if (argc != 4) return 2;
    return recording_make(argv[1], 1, (unsigned)atoi(argv[2]), (size_t)atol(argv[3])) ? 0 : 1;
}
