/* SPDX-License-Identifier: MIT
 * space_fixture.h: a space without owners for each test, and its part of the audit after it. */
#ifndef TEST_SPACE_FIXTURE_H
#define TEST_SPACE_FIXTURE_H

#include "expect.h"
#include "heap/size_class.h"
#include "slab/report.h"

#include <check.h>
#include <string.h>

static pki_space space;

static inline void space_is_sound(void)
{
    char text[256] = "";
    pki_findings findings = {0, text, sizeof text};
    pki_audit_space(&space, &findings);
    if (findings.broken != 0) fprintf(stderr, "audit: %s\n", text);
    EXPECT_AT(findings.broken == 0, findings.broken, 0);
    EXPECT(pki_space_check(&space));
}

static inline void space_begin(size_t limit)
{
    memset(&space, 0, sizeof space);
    pki_space_init(&space, &pki_heap_geometry, "unit", limit);
}

static inline void space_setup(void) { space_begin(SIZE_MAX); }

static inline void space_teardown(void)
{
    space_is_sound();
    pki_space_fini(&space);
    EXPECT(space.all.next == NULL && space.large == NULL && space.large_cache == NULL);
}

static inline TCase *space_case(const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, space_setup, space_teardown);
    return tcase;
}

#endif /* TEST_SPACE_FIXTURE_H */
