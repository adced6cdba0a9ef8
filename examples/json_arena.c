/* SPDX-License-Identifier: MIT
 * json_arena.c: reads a JSON text into a tree that lies in an arena and prints it back. No value is
 * freed by itself, no error path leaks: the whole tree ends with the arena. */
#include <poolkit/arena.h>
#include <stdio.h>
#include <string.h>

typedef struct value {
    struct value *next;  /* in the list or object that it stands in  */
    struct value *first; /* of a list or object                      */
    const char *key;     /* in an object, with its quotes; else NULL */
    const char *text;    /* a string with its quotes, a number, a word; NULL: a list or object */
    char kind;           /* '[', '{' or 0                            */
} value;

typedef struct {
    pk_arena *arena;
    const char *at;
    int depth;
} parser;

static char peek(parser *p)
{
    p->at += strspn(p->at, " \t\r\n");
    return *p->at;
}

/* A string with its quotes, a number or a word; NULL if it is none. */
static const char *token(parser *p)
{
    const char *begin = p->at;
    size_t n = strcspn(begin, ",:[]{} \t\r\n\"");
    if (*begin == '"') {
        for (n = 1; begin[n] && begin[n] != '"'; n++) n += begin[n] == '\\' && begin[n + 1];
        if (!begin[n++]) return NULL;
    }
    p->at += n;
    return n ? pk_arena_strndup(p->arena, begin, n) : NULL;
}

/* NULL: not JSON, nested too deeply, or no memory. */
static value *parse(parser *p)
{
    value *v = pk_arena_zalloc(p->arena, sizeof *v);
    if (!v) return NULL;
    if (peek(p) != '[' && *p->at != '{') return (v->text = token(p)) ? v : NULL;
    v->kind = *p->at++;
    char close = v->kind == '[' ? ']' : '}';
    value **last = &v->first;
    if (++p->depth > 100) return NULL;
    while (peek(p) != close) {
        const char *key = NULL;
        if (v->first && (*p->at++ != ',' || peek(p) == close)) return NULL;
        if (v->kind == '{' && (peek(p) != '"' || !(key = token(p)) || peek(p) != ':')) return NULL;
        p->at += v->kind == '{';
        if (!(*last = parse(p))) return NULL;
        (*last)->key = key;
        last = &(*last)->next;
    }
    p->at++, p->depth--;
    return v;
}

/* The text of a tree, in the arena. NULL: no memory. */
static const char *print(pk_arena *arena, const value *v)
{
    if (v->text) return v->text;
    const char *text = "";
    for (const value *in = v->first; in && text; in = in->next) {
        const char *one = print(arena, in), *key = in->key ? in->key : "";
        text =
            pk_arena_printf(arena, "%s%s%s%s%s", text, *text ? "," : "", key, *key ? ":" : "", one);
    }
    return text ? pk_arena_printf(arena, "%c%s%c", v->kind, text, v->kind + 2) : NULL;
}

int main(void)
{
    static const char text[] = " {\"name\" : \"a \\\"pool\\\"\", \"sizes\": [1, 2.5, -3e9, []],\n"
                               "  \"in\": {\"deep\": [{\"x\": null}, true]}, \"none\": {} } ";
    static const char packed[] = "{\"name\":\"a \\\"pool\\\"\",\"sizes\":[1,2.5,-3e9,[]],"
                                 "\"in\":{\"deep\":[{\"x\":null},true]},\"none\":{}}";
    pk_arena arena = {0};
    value *tree = parse(&(parser){.arena = &arena, .at = text});
    const char *back = tree ? print(&arena, tree) : NULL;
    printf("%s\n", back ? back : "failed");
    bool good = back && strcmp(back, packed) == 0 && !parse(&(parser){&arena, "[1, {\"a\" 2}]", 0});
    pk_arena_fini(&arena);
    return good ? 0 : 1;
}
