/* SPDX-License-Identifier: MIT
 * settings.h: what the environment variable POOLKIT_OPTIONS can change, for the whole process.
 * Read once when the library is loaded; the few allocations before that see the defaults. */
#ifndef PKI_SLAB_SETTINGS_H
#define PKI_SLAB_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

/* How far a heap's calls are checked: heap/checked.h. */
typedef enum { PKI_MODE_FAST, PKI_MODE_HARDENED, PKI_MODE_DEBUG } pki_mode;
typedef enum { PKI_STATS_OFF, PKI_STATS_EXIT, PKI_STATS_SIGNAL } pki_stats_moment;
typedef enum { PKI_STATS_TEXT, PKI_STATS_JSON, PKI_STATS_PROMETHEUS } pki_stats_format;
enum { PKI_STATS_FILE_SIZE = 512 };

typedef struct {
    uint32_t purge_ms; /* purge=MILLISECONDS   unneeded memory goes back in steps of this (100)  */
    bool huge_pages;   /* huge_pages=on|off    ask for transparent huge pages in chunks (off)    */
    bool
        background; /* background=on|off    a thread of the drop-in's purges while others rest (on) */
    bool names;     /* names=on|off         mappings have names in /proc/PID/maps (on)           */
    pki_stats_moment stats; /* stats=exit|signal|off  when all pools are reported (off)     */
    pki_stats_format stats_format; /* stats_format=text|json|prometheus  and how (text)          */
    char
        stats_file[PKI_STATS_FILE_SIZE]; /* stats_file=PATH  and where, %p = process; "" = stderr */
    pki_mode mode; /* mode=fast|hardened|debug   of heaps that do not say (fast)         */
    bool leaks;    /* leaks=on|off         debug: blocks in use at exit are listed (on)       */
    /* faults=abort|report|trap  what follows a fault (abort): pki_fault_policy in fault.h */
    /* checkers=on|off  tell AddressSanitizer and Valgrind of pools, if one looks on (on): os/watch.h */
} pki_settings_struct;

extern pki_settings_struct pki_settings;

/* Takes over the options in `text`; each that is unknown or malformed costs one line of warning on
 * standard error and changes nothing. */
void pki_settings_read(const char *text);

/* Reads POOLKIT_OPTIONS, if nobody did so before. It is done when the library is loaded; for whoever
 * cannot wait for that. */
void pki_settings_load(void);

#endif /* PKI_SLAB_SETTINGS_H */
