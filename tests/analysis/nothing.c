/* SPDX-License-Identifier: MIT
 * nothing.c: a program that no pool helps: a few large buffers, live from begin to end.
 */
#include <stdlib.h>
#include <string.h>

enum { BUFFERS = 200, ROUNDS = 200 };

int main(void)
{
    static char *buffers[BUFFERS];
    unsigned long sum = 0;
    for (int i = 0; i < BUFFERS; i++) {
        buffers[i] = malloc(100 * 1024);
        if (!buffers[i]) {
            return 1;
        }
        memset(buffers[i], i, 100 * 1024);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < BUFFERS; i++) {
            sum += (unsigned char)buffers[i][round];
        }
    }
    return sum == 0;
}
