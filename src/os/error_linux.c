/* SPDX-License-Identifier: MIT
 * error_linux.c: see error.h. */
#include "os/error.h"

#include <errno.h>

void *pki_os_fail(pk_status why)
{
    errno = why == PK_EINVAL ? EINVAL : why == PK_EBUSY ? EDEADLK : ENOMEM;
    return NULL;
}

int pki_os_error(void) { return errno; }

void pki_os_set_error(int error) { errno = error; }
