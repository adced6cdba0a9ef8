/* SPDX-License-Identifier: MIT
 * runner.h: the main function of a test program. Each test runs in a process of its own unless
 * CK_FORK=no; CK_VERBOSITY, CK_RUN_CASE and the other variables of Check work as usual. */
#ifndef TEST_RUNNER_H
#define TEST_RUNNER_H

#include "build.h"

#include <check.h>
#include <stddef.h>

/* Adds the tests in `tests` as one case. `seconds` is what an optimised build may take at most,
 * with a large reserve; a sanitized or instrumented one gets eight times that. */
static inline void add_case(Suite *suite, TCase *tcase, double seconds, const TTest *const *tests,
                            size_t n)
{
    tcase_set_timeout(tcase, memory_is_measurable() ? seconds : 8 * seconds);
    for (size_t i = 0; i < n; i++) tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
}

#define ADD_CASE(suite, tcase, seconds, ...)                                                       \
    add_case((suite), (tcase), (seconds), (const TTest *const[]){__VA_ARGS__},                     \
             sizeof((const TTest *const[]){__VA_ARGS__}) / sizeof(const TTest *))

static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define TEST_MAIN(make_suite)                                                                      \
    int main(void) { return run_suite(make_suite()); }

#endif /* TEST_RUNNER_H */
