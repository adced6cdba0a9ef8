/* SPDX-License-Identifier: MIT
 * program.c: allocates from the packaged library.
 */
#include <poolkit/poolkit.h>
#include <stdio.h>

int main(void)
{
    pk_arena arena = {0};
    char *text = pk_arena_printf(&arena, "poolkit %s", pk_version());
    int failed = text == NULL || puts(text) < 0;
    pk_arena_fini(&arena);
    return failed;
}
