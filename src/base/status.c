/* SPDX-License-Identifier: MIT
 * status.c: the texts of pk_status, and the version. */
#include <poolkit/common.h>

#ifndef PKI_VERSION
#error "PKI_VERSION comes from the file VERSION through the build"
#endif

const char *pk_status_text(pk_status status)
{
    switch (status) {
    case PK_OK:
        return "ok";
    case PK_ENOMEM:
        return "out of memory";
    case PK_ELIMIT:
        return "the limit is reached";
    case PK_EINVAL:
        return "invalid argument";
    case PK_EBUSY:
        return "in use";
    case PK_ENOTSUP:
        return "not supported";
    case PK_ESYS:
        return "refused by the operating system";
    }
    return "unknown status";
}

const char *pk_version(void) { return PKI_VERSION; }
