/* SPDX-License-Identifier: MIT
 * probe.h: places where bpftrace, perf, SystemTap and gdb can attach to a running program (USDT). A probe is
 * a nop, and a note in the ELF file that tells where its arguments are; there is none where
 * <sys/sdt.h> was missing at build time. On slow paths only. docs/observe.md has their arguments. */
#ifndef PKI_OS_PROBE_H
#define PKI_OS_PROBE_H

#if defined(PKI_PROBES)
#include <sys/sdt.h>
#if defined(__clang__) /* whose -Wpedantic objects to a macro in there */
#define PKI_PROBE(name, a, b, c, d)                                                                \
    do {                                                                                           \
        _Pragma("clang diagnostic push")                                                           \
            _Pragma("clang diagnostic ignored \"-Wgnu-zero-variadic-macro-arguments\"")            \
                DTRACE_PROBE4(poolkit, name, a, b, c, d);                                          \
        _Pragma("clang diagnostic pop")                                                            \
    } while (0)
#else
#define PKI_PROBE(name, a, b, c, d) DTRACE_PROBE4(poolkit, name, a, b, c, d)
#endif
#else
#define PKI_PROBE(name, a, b, c, d) ((void)(a), (void)(b), (void)(c), (void)(d))
#endif

#endif /* PKI_OS_PROBE_H */
