/* SPDX-License-Identifier: MIT
 * values.c: values of a report as HTML.
 */
#include "values.h"

#include "encode.h"

static const char unknown[] = "–";

const cJSON *report_find(const cJSON *from, const char *first, const char *second)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(from, first);
    return second ? cJSON_GetObjectItemCaseSensitive(found, second) : found;
}

bool report_number(const cJSON *from, const char *name, double *value)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(from, name);
    if (!cJSON_IsNumber(found)) {
        return false;
    }
    *value = found->valuedouble;
    return true;
}

static void write_value(FILE *out, double value, pki_unit unit)
{
    char text[PKI_TEXT];
    bool negative = value < 0;
    pki_text_value(text, negative ? -value : value, unit);
    fprintf(out, "%s%s", negative ? "−" : "", text);
}

void report_write_number(FILE *out, const cJSON *value, pki_unit unit)
{
    if (cJSON_IsNumber(value)) {
        write_value(out, value->valuedouble, unit);
    } else {
        fputs(unknown, out);
    }
}

void report_write_nanoseconds(FILE *out, const cJSON *value)
{
    if (cJSON_IsNumber(value)) {
        write_value(out, value->valuedouble / 1e9, PKI_SECONDS);
    } else {
        fputs(unknown, out);
    }
}

void report_write_ratio(FILE *out, const cJSON *value)
{
    if (cJSON_IsNumber(value)) {
        char text[PKI_TEXT];
        pki_text_ratio(text, value->valuedouble);
        fputs(text, out);
    } else {
        fputs(unknown, out);
    }
}

void report_write_share(FILE *out, const cJSON *value)
{
    if (cJSON_IsNumber(value)) {
        double percent = value->valuedouble * 100;
        fprintf(out, "%.*f %%", percent > 0 && percent < 9.95 ? 1 : 0, percent);
    } else {
        fputs(unknown, out);
    }
}

void report_write_text(FILE *out, const cJSON *value)
{
    const char *text = cJSON_GetStringValue(value);
    report_write_escaped(out, text ? text : unknown);
}

void report_write_range(FILE *out, const cJSON *range, pki_unit unit)
{
    double low, high, scale = unit == PKI_SECONDS ? 1e-9 : 1;
    if (!report_number(range, "low", &low) || !report_number(range, "high", &high)) {
        fputs(unknown, out);
        return;
    }
    write_value(out, low * scale, unit);
    if (high > low) {
        fputs(" to ", out);
        write_value(out, high * scale, unit);
    }
}

void report_write_list(FILE *out, const cJSON *sentences, const char *class_name)
{
    if (!cJSON_IsArray(sentences) || !sentences->child) {
        return;
    }
    const cJSON *sentence;
    fprintf(out, "<ul class=\"%s\">", class_name);
    cJSON_ArrayForEach(sentence, sentences)
    {
        fputs("<li>", out);
        report_write_text(out, sentence);
        fputs("</li>", out);
    }
    fputs("</ul>\n", out);
}
