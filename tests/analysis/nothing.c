/* SPDX-License-Identifier: MIT
 * nothing.c: a program that no pool helps: a few large buffers, live from begin to
 * end, read again and again.
 */
#include <stdlib.h>
#include <string.h>

enum { BUFFERS = 200, ROUNDS = 300 };

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
            for (int at = round % 16; at < 100 * 1024; at += 16) {
                sum += (unsigned char)buffers[i][at];
            }
        }
    }
    return sum == 0;
}
