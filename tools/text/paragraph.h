/* SPDX-License-Identifier: MIT
 * paragraph.h: sentences on a terminal of 80 columns.
 */
#ifndef POOLKIT_TEXT_PARAGRAPH_H
#define POOLKIT_TEXT_PARAGRAPH_H

/* Prints `head` and then the words of `text`, broken between them; further lines begin below the
 * first word. */
void pki_paragraph(const char *head, const char *text);

#endif
