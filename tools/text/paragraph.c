/* SPDX-License-Identifier: MIT
 * paragraph.c: see paragraph.h.
 */
#include "paragraph.h"

#include "units.h"

#include <stdio.h>
#include <string.h>

enum { COLUMNS = 78, WORD = 256 };

void pki_paragraph(const char *head, const char *text)
{
    int indent = (int)pki_width(head), column = indent;
    fputs(head, stdout);
    while (*text) {
        size_t bytes = strcspn(text, " ");
        char word[WORD];
        snprintf(word, sizeof word, "%.*s", (int)bytes, text);
        int width = (int)pki_width(word);
        if (column > indent && column + 1 + width > COLUMNS) {
            printf("\n%*s", indent, "");
            column = indent;
        }
        column += printf("%s", column > indent ? " " : "") + width;
        fputs(word, stdout);
        text += bytes + strspn(text + bytes, " ");
    }
    puts("");
}
