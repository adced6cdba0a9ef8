/* SPDX-License-Identifier: MIT
 * error_none.c: error.h where there is no errno: a failure is told by NULL alone. */
#include "os/error.h"

void *pki_os_fail(pk_status why)
{
    (void)why;
    return NULL;
}

int pki_os_error(void) { return 0; }

void pki_os_set_error(int error) { (void)error; }
