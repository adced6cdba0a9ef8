/* SPDX-License-Identifier: MIT
 * pairs.c NUMBER: so many pairs of malloc and free of 64 bytes, for counting instructions: what N
 * more pairs add is N times the cost of one, with the loop around it.
 */
#include "workload.h"

int main(int argc, char **argv)
{
    size_t number = argument(argc, argv, 1);
    for (size_t i = 0; i < number; i++) {
        void *volatile block = malloc(64);
        free(block);
    }
    return 0;
}
