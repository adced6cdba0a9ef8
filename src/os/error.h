/* SPDX-License-Identifier: MIT
 * error.h: how a failed call tells why: errno, where there is one. */
#ifndef PKI_OS_ERROR_H
#define PKI_OS_ERROR_H

#include <poolkit/common.h>

/* errno becomes EINVAL for PK_EINVAL, EDEADLK for PK_EBUSY, else ENOMEM. Returns NULL, so that an
 * allocation can end with it. */
void *pki_os_fail(pk_status why);

/* errno, for those who must keep it. */
int pki_os_error(void);
void pki_os_set_error(int error);

#endif /* PKI_OS_ERROR_H */
