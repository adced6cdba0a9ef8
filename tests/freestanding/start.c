/* SPDX-License-Identifier: MIT
 * start.c: what stands in for a board: the first instruction, the four functions of string.h, the
 * compiler's helpers (its library for 32 bits is seldom installed), and the end. It runs on
 * Linux on x86-64; its one system call is exit. */
#include <stddef.h>
#include <string.h>

int main(void);
int __popcountdi2(long long x);
int __ctzdi2(long long x);

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    return memmove(to, from, n);
}

void *memmove(void *to, const void *from, size_t n)
{
    char *t = to;
    const char *f = from;
    for (size_t i = 0; i < n; i++) {
        size_t at = t < f ? i : n - 1 - i;
        t[at] = f[at];
    }
    return to;
}

void *memset(void *p, int byte, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ((unsigned char *)p)[i] = (unsigned char)byte;
    }
    return p;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *x = a, *y = b;
    for (size_t i = 0; i < n; i++) {
        if (x[i] != y[i]) {
            return x[i] - y[i];
        }
    }
    return 0;
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start: xor %ebp, %ebp\n call main\n"
        "mov %eax, %edi\n mov $60, %eax\n syscall\n");
#else
__asm__(".globl _start\n_start: xor %ebp, %ebp\n and $-16, %esp\n call main\n"
        "mov %eax, %ebx\n mov $1, %eax\n int $0x80\n");

unsigned long long __udivmoddi4(unsigned long long n, unsigned long long d,
                                unsigned long long *rest);
unsigned long long __udivdi3(unsigned long long n, unsigned long long d);
unsigned long long __umoddi3(unsigned long long n, unsigned long long d);

unsigned long long __udivmoddi4(unsigned long long n, unsigned long long d,
                                unsigned long long *rest)
{
    unsigned long long quotient = 0, left = 0;
    for (int bit = 63; bit >= 0; bit--) {
        left = left << 1 | (n >> bit & 1);
        if (left >= d) {
            left -= d;
            quotient |= 1ULL << bit;
        }
    }
    if (rest != NULL) {
        *rest = left;
    }
    return quotient;
}

unsigned long long __udivdi3(unsigned long long n, unsigned long long d)
{
    return __udivmoddi4(n, d, NULL);
}

unsigned long long __umoddi3(unsigned long long n, unsigned long long d)
{
    unsigned long long rest;
    __udivmoddi4(n, d, &rest);
    return rest;
}
#endif

int __popcountdi2(long long x)
{
    int n = 0;
    for (unsigned long long bits = (unsigned long long)x; bits != 0; bits &= bits - 1) {
        n++;
    }
    return n;
}

int __ctzdi2(long long x) { return __popcountdi2(~x & (x - 1)); }
