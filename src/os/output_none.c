/* SPDX-License-Identifier: MIT
 * output_none.c: output.h where there are no files and no signals: nothing is written. */
#include "os/output.h"

uint64_t pki_os_process_id(void) { return 0; }

bool pki_os_is_alone(void) { return true; }

bool pki_os_on_report_signal(void (*fn)(void))
{
    (void)fn;
    return false;
}

int pki_os_open_output(const char *path, bool append)
{
    (void)path, (void)append;
    return -1;
}

void pki_os_keep_error_output(void) {}

int pki_os_error_output(void) { return -1; }

bool pki_os_write(int descriptor, const char *text, size_t size)
{
    (void)descriptor, (void)text, (void)size;
    return false;
}

void pki_os_close(int descriptor) { (void)descriptor; }

bool pki_os_replace_file(const char *from, const char *to)
{
    (void)from, (void)to;
    return false;
}
