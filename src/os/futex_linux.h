/* SPDX-License-Identifier: MIT
 * futex_linux.h: the two futex calls, by the kernel's own numbers, which never change: its headers are
 * not there with every C library (musl). */
#ifndef PKI_OS_FUTEX_LINUX_H
#define PKI_OS_FUTEX_LINUX_H

enum { PKI_FUTEX_WAIT = 0 | 128, PKI_FUTEX_WAKE = 1 | 128 }; /* 128: within this process */

#endif
