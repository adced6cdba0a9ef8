/* SPDX-License-Identifier: MIT
 * verdict.c: one sentence on where poolkit wins and where it loses.
 *
 * Differences within the spread of the rounds are called level, not won or lost.
 */
#include "result.h"
#include "tool.h"
#include "text/units.h"

#include <stdlib.h>
#include <string.h>

static const pki_metric judged[] = {PKI_WALL, PKI_CPU, PKI_PEAK, PKI_FRAGMENTATION};

static char *append(char *text, char *more)
{
    char *longer = pki_format("%s%s", text, more);
    free(text);
    free(more);
    return longer;
}

static size_t rank_of(const pki_result *result, size_t row, pki_metric metric)
{
    size_t ahead = 0;
    for (size_t i = 0; i < result->n_rows; i++) {
        double ratio = pki_ratio(result, i, metric);
        ahead += ratio > 0 && ratio < pki_ratio(result, row, metric) &&
                 !pki_level(result, i, row, metric);
    }
    return ahead + 1;
}

/* The first other row that the spread does not let tell from this one; n_rows if none. */
static size_t level_with(const pki_result *result, size_t row, pki_metric metric)
{
    size_t i = 0;
    while (i < result->n_rows && (i == row || !pki_level(result, i, row, metric))) {
        i++;
    }
    return i;
}

static char *on_metric(const pki_result *result, size_t row, pki_metric metric)
{
    static const char *const places[] = {"", "best", "second", "third", "fourth", "fifth"};
    char own[PKI_TEXT], other[PKI_TEXT], place[PKI_TEXT];
    size_t best = pki_best(result, metric), rank = rank_of(result, row, metric);
    const char *title = pki_metrics[metric].title;
    pki_text_ratio(own, pki_ratio(result, row, metric));
    pki_text_ratio(other, pki_ratio(result, best, metric));
    if (rank == 1) {
        size_t peer = best == row ? level_with(result, row, metric) : best;
        const char *lowest = best == row ? " lowest" : "";
        return peer == result->n_rows ? pki_format("%s lowest (%s)", title, own)
                                      : pki_format("%s%s (%s) within the spread of %s", title,
                                                   lowest, own, result->rows[peer].name);
    }
    if (rank < sizeof places / sizeof *places) {
        snprintf(place, sizeof place, "%s", places[rank]);
    } else {
        snprintf(place, sizeof place, "number %zu", rank);
    }
    return best == 0 ? pki_format("%s %s after %s (%s)", title, place, result->rows[0].name, own)
                     : pki_format("%s %s (%s; lowest is %s, %s)", title, place, own,
                                  result->rows[best].name, other);
}

/* Against the first row alone: what most people want to know. */
static char *against_first(const pki_result *result, size_t row, int sign)
{
    char *list = pki_copy("");
    for (size_t i = 0; i < sizeof judged / sizeof *judged; i++) {
        double ratio = pki_ratio(result, row, judged[i]);
        int outcome = ratio <= 0 || pki_level(result, row, 0, judged[i]) ? 0 : ratio < 1 ? 1 : -1;
        if (ratio > 0 && outcome == sign) {
            list =
                append(list, pki_format("%s%s", *list ? ", " : "", pki_metrics[judged[i]].title));
        }
    }
    return list;
}

char *pki_verdict(const pki_result *result)
{
    size_t row = pki_find_row(result, "poolkit");
    if (row == result->n_rows || row == 0) {
        return NULL;
    }
    if (result->rows[row].failed) {
        return pki_copy("poolkit: the command did not end as it should, so no figures.");
    }
    char *text = pki_copy("poolkit: ");
    bool some = false;
    for (size_t i = 0; i < sizeof judged / sizeof *judged; i++) {
        if (pki_ratio(result, row, judged[i]) > 0) {
            text = append(text, pki_copy(some ? "; " : ""));
            text = append(text, on_metric(result, row, judged[i]));
            some = true;
        }
    }
    char *won = against_first(result, row, 1), *lost = against_first(result, row, -1);
    text = append(text, pki_format(".\nAgainst %s it wins: %s; loses: %s.", result->rows[0].name,
                                   *won ? won : "nothing", *lost ? lost : "nothing"));
    free(won);
    free(lost);
    return text;
}
