/* SPDX-License-Identifier: MIT
 * units.h: figures as people read them: three digits and a unit.
 */
#ifndef POOLKIT_TEXT_UNITS_H
#define POOLKIT_TEXT_UNITS_H

#include <stddef.h>

enum { PKI_TEXT = 32 };

typedef enum pki_unit { PKI_SECONDS, PKI_BYTES, PKI_COUNT, PKI_PLAIN } pki_unit;

void pki_text_value(char out[PKI_TEXT], double value, pki_unit unit);
void pki_text_ratio(char out[PKI_TEXT], double ratio);
void pki_text_spread(char out[PKI_TEXT], double spread);
/* How a command ended otherwise than by exit(0): "exited with 3", "was killed by SIGSEGV". */
void pki_text_end(char out[PKI_TEXT], int code);
/* Columns that a UTF-8 text takes on a terminal (no wide or combining characters here). */
size_t pki_width(const char *text);

#endif
