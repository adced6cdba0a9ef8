#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the manual pages of section 3 from the public headers, whose comments are the manual.

    docs/man/pages.py OUT_DIR          makes OUT_DIR/poolkit_arena.3 and so on, and OUT_DIR/poolkit.3

Each include/poolkit/NAME.h becomes the page poolkit_NAME.3, and each function, macro and type in it a
link to that page, so that `man pk_arena_alloc` opens it. What it reads of a header:

    the head comment    its first sentence; paragraphs; rows (`Sizes      0 counts as 1 …`); `Example:`
    /* ---- life ---- */    a heading of the functions below it
    a comment at the left margin    the text of the declarations behind it, up to an empty line

A function without a comment is an error: so the manual cannot lack one.
"""
import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADERS = ROOT / 'include' / 'poolkit'
WIDTH = 74  # columns of a declaration on a terminal of 80


def fail(text):
    sys.exit(f'pages.py: {text}')


# ---- roff ---------------------------------------------------------------------------------------

def ascii_only(text):
    return ''.join(c if ord(c) < 128 else f'\\[u{ord(c):04X}]' for c in text)


def literal(text):
    """Text that is C: every character as it stands."""
    text = text.replace('\\', '\\e').replace('-', '\\-').replace("'", '\\(aq')
    return ascii_only(text.replace('`', '\\(ga').replace('^', '\\(ha').replace('~', '\\(ti'))


def safe_line(line):
    return '\\&' + line if line.startswith(('.', "'")) else line


def prose(text, pages):
    """A paragraph: `code` and pk_names in bold, headers as references to their pages."""
    out = []
    for part in re.split(r'(`[^`]+`|\bpk_\w+(?:\(\))?|\b\w+\.h\b)', text):
        header = re.fullmatch(r'(\w+)\.h', part)
        if header and header[1] in pages:
            out.append(f'\\fBpoolkit_{header[1]}\\fP(3)')
        elif re.fullmatch(r'`[^`]+`', part):
            out.append(f'\\fB{literal(part[1:-1])}\\fP')
        elif part.startswith('pk_'):
            out.append(f'\\fB{literal(part)}\\fP')
        else:
            out.append(ascii_only(part.replace('\\', '\\e').replace('^', '\\(ha').replace('~', '\\(ti')))
    lines = textwrap.wrap(''.join(out), 76, break_long_words=False, break_on_hyphens=False)
    return '\n'.join(safe_line(line) for line in lines)


def code_block(lines):
    code = textwrap.dedent('\n'.join(lines)).strip('\n').split('\n')
    return '\n'.join(['.EX', *(safe_line(literal(line.rstrip())) or '\\&' for line in code), '.EE'])


def blocks_of(lines):
    """Splits text into ('prose' | 'code' | 'item', lines) at empty lines, indents and dashes."""
    blocks = []
    for line in lines + ['']:
        before = blocks[-1][0] if blocks else 'gap'
        is_code = line.startswith('    ') and before not in ('prose', 'item')
        if not line.strip():
            kind, joins = 'gap', before == 'code'
        elif re.match(r' ?- ', line):
            kind, joins = 'item', False
        elif is_code:
            kind, joins = 'code', before == 'code'
        else:
            kind, joins = 'prose', before in ('prose', 'item')
        if joins:
            blocks[-1][1].append(line)
        else:
            blocks.append((kind, [line]))
    return [block for block in blocks if block[0] != 'gap']


def render(lines, pages):
    """Text as roff, paragraphs set apart by .PP."""
    out = []
    for kind, part in blocks_of(lines):
        text = ' '.join(line.strip() for line in part)
        if kind == 'code':
            out.append('.IP\n' + code_block(part))
        elif kind == 'item':
            out.append('.IP \\(bu 2\n' + prose(text.removeprefix('- '), pages))
        else:
            out.append('.PP\n' + prose(text, pages))
    return '\n'.join(out)


def entry(tag, text_lines, pages):
    """A tag and its text, which is indented. Paragraphs behind the first keep the indent."""
    body = render(text_lines, pages)
    first, _, rest = body.partition('\n')
    if first != '.PP':
        rest = body
    return f'.TP\n{tag}\n' + rest.replace('\n.PP\n', '\n.IP\n')


# ---- a header -----------------------------------------------------------------------------------

def comment_text(raw):
    """The lines of a comment without its stars."""
    body = raw.strip()[2:-2].split('\n')
    lines = [re.sub(r'^ \*( |$)', '', line).rstrip() for line in body]
    lines[0] = lines[0].strip()
    while lines and not lines[-1]:
        lines.pop()
    return lines


class Head:
    """The head comment: brief, paragraphs, rows and example."""

    def __init__(self, lines, name):
        if lines and lines[0].startswith('SPDX'):
            lines = lines[1:]
        text = '\n'.join(lines)
        if not text.startswith(f'{name}.h: '):
            fail(f'{name}.h: the head comment does not begin with the name and what it is for')
        text = text[len(f'{name}.h: '):]
        end = re.search(r'\.(?=\s|$)', text)
        self.brief = ' '.join(text[:end.start()].split())
        self.text, self.rows, self.example = [], [], []
        self.sort(text[end.end():].split('\n'))

    def sort(self, lines):
        where = self.text
        for i, line in enumerate(lines):
            following = lines[i + 1] if i + 1 < len(lines) else ''
            row = re.match(r'([A-Z][A-Za-z_]+) (\s*)(\S.*)', line)
            if re.match(r'Example:', line):
                where = self.example
                line = line.removeprefix('Example:').strip().capitalize()
            elif row and (row[2] or re.match(r' {8}', following)):
                where = []
                self.rows.append((row[1], where))
                line = row[3]
            elif line and not line.startswith(' ') and where is not self.text:
                # Sentences stand at the margin: an example ends there, and so do the rows.
                if where is not self.example or self.example_has_code():
                    where = self.text
                    where.append('')
            is_row = where is not self.text and where is not self.example
            where.append(line.strip() if is_row else line)

    def example_has_code(self):
        return any(line.startswith('    ') for line in self.example)

    def take(self, key):
        found = [row for row in self.rows if row[0] == key]
        self.rows = [row for row in self.rows if row[0] != key]
        return found[0][1] if found else []


class Decl:
    """One declaration: kind (function, macro, callback, type), name, and its C text."""

    def __init__(self, kind, name, text):
        self.kind, self.name, self.text = kind, name, text


def without_attributes(text):
    text = re.sub(r'\bPK_ATTR_\w+\([^)]*\)', '', text)
    text = re.sub(r'\b(PK_API|PK_UNUSED|static inline)\s+', '', text)
    return ' '.join(text.split()).replace(' ;', ';')


def declaration(text):
    """What a piece of C at the left margin declares; None if it is not for readers."""
    if text.startswith('#define'):
        macro = re.match(r'#define (\w+)(\([^)]*\))?', text)
        if macro[1].endswith('_') or macro[1].startswith('POOLKIT_'):
            return None
        if macro[2]:
            return Decl('macro', macro[1], macro[1] + macro[2])
        return Decl('type', macro[1], text)
    if text.startswith('typedef') or text.startswith('enum'):
        callback = re.match(r'typedef [\w *]+?(\w+)\(', text)
        if callback and '{' not in text:
            return Decl('callback', callback[1], without_attributes(text))
        name = re.search(r'(\w+);\s*$', text)
        return Decl('type', name[1] if name else '', text)
    head = without_attributes(text.split('{')[0].rstrip() + ('' if text.rstrip().endswith(';') else ';'))
    function = re.match(r'[\w *]+?(\w+)\(', head)
    if not function:
        fail(f'not understood: {text}')
    return Decl('function', function[1], head)


def pieces(text):
    """Yields ('comment' | 'code' | 'gap', text) of what stands outside of #if and #include."""
    lines, i, depth = text.split('\n'), 0, 0
    while i < len(lines):
        line, start = lines[i], i
        i += 1
        if re.match(r'#if', line):
            depth += 1
        elif re.match(r'#endif', line):
            depth -= 1
        elif depth > 0 or re.match(r'#(include|else|elif|undef)', line):
            pass
        elif not line.strip():
            yield 'gap', ''
        elif line.startswith('/*'):
            while '*/' not in lines[i - 1]:
                i += 1
            yield 'comment', '\n'.join(lines[start:i])
        else:
            while not whole(lines[start:i]):
                i += 1
            yield 'code', '\n'.join(lines[start:i])


def whole(lines):
    if lines[0].startswith('#'):
        return not lines[-1].endswith('\\')
    code = re.sub(r'/\*.*?\*/', '', '\n'.join(lines), flags=re.S).rstrip()
    return '/*' not in code and code.count('{') == code.count('}') and code[-1:] in (';', '}')


class Header:
    """A public header: its head, and groups (section, comment, declarations)."""

    def __init__(self, path):
        self.name = path.stem
        text = path.read_text(encoding='utf-8')
        end = text.index('*/') + 2
        self.head = Head(comment_text(text[:end]), self.name)
        guard = re.search(r'#ifndef (POOLKIT_\w+)\n#define \1\n', text)
        body = text[guard.end():text.rindex('#endif')]
        self.groups = []
        self.read(body)

    def read(self, body):
        section, comment, group = '', [], None
        for kind, text in pieces(body):
            heading = re.match(r'/\* ---- (.*) ---- \*/', text)
            if kind == 'gap':
                comment, group = [], None
            elif heading:
                section = heading[1]
            elif kind == 'comment':
                comment, group = comment_text(text), None
            else:
                decl = declaration(text)
                if decl is None:
                    continue
                if decl.kind in ('function', 'macro', 'callback') and not (comment or group):
                    fail(f'{self.name}.h: {decl.name} has no comment')
                if group is None:
                    group = (section, comment, [])
                    self.groups.append(group)
                group[2].append(decl)

    def decls(self, *kinds):
        return [decl for _, _, decls in self.groups for decl in decls if decl.kind in kinds]


# ---- a page -------------------------------------------------------------------------------------

def split_parameters(text):
    parts, depth = [''], 0
    for c in text:
        depth += {'(': 1, ')': -1}.get(c, 0)
        if c == ',' and depth == 0:
            parts.append('')
        else:
            parts[-1] += c
    return [part.strip() for part in parts]


def parameter(text):
    """A parameter with its name in italics."""
    if text in ('void', '...'):
        return literal(text)
    name = re.match(r'.*\(\*(\w+)\)|.*?(\w+)$', text)
    which = 1 if name[1] else 2
    return (literal(text[:name.start(which)]) + '\\fI' + literal(text[name.start(which):name.end(which)])
            + '\\fB' + literal(text[name.end(which):]))


def synopsis_of(decl):
    """A declaration in bold, its lines broken between parameters."""
    start = decl.text.index(decl.name + '(') + len(decl.name) + 1
    end = decl.text.rindex(')')
    parts = split_parameters(decl.text[start:end])
    column, out, pad = start, literal(decl.text[:start]), ' ' * min(start, 30)
    for i, part in enumerate(parts):
        last = i + 1 == len(parts)
        tail = decl.text[end:] if last else ','
        if i and column + 1 + len(part) + len(tail) > WIDTH:
            out, column = out + '\\fP\n\\fB' + pad, len(pad)
        elif i:
            out, column = out + ' ', column + 1
        shown = '\\fI' + literal(part) + '\\fB' if decl.kind == 'macro' else parameter(part)
        out, column = out + shown + literal(tail), column + len(part) + len(tail)
    return '\\fB' + out + '\\fP'


def title(name, date, version):
    return (f'.\\" Made by docs/man/pages.py from the public headers: change those.\n'
            f'.TH {name.upper()} 3 "{date}" "poolkit {version}" "poolkit manual"\n')


def page_of(header, headers, date, version):
    pages = {h.name for h in headers}
    head, out = header.head, [title('poolkit_' + header.name, date, version)]
    names = [decl.name for decl in header.decls('function', 'macro', 'callback')]
    failure = head.take('Failure')
    out.append('.SH NAME\n.nh\n.ad l\n' + literal(',\n'.join(['poolkit_' + header.name, *names]))
               + '\n\\- ' + prose(head.brief, pages))
    out.append('.SH SYNOPSIS\n.nf\n\\fB#include <poolkit/' + header.name + '.h>\\fP')
    section = None
    for group_section, _, decls in header.groups:
        shown = [decl for decl in decls if decl.kind != 'type']
        if shown:
            out.extend(['.PP'] if section != group_section else [])
            section = group_section
            out.extend(synopsis_of(decl) for decl in shown)
    out.append('.fi\n.PP\nCompile and link with \\fIpkg\\-config \\-\\-cflags \\-\\-libs poolkit\\fP.')
    out.append('.SH DESCRIPTION\n' + (render(head.text, pages) or '.PP\n' + ascii_only(head.brief) + '.'))
    out.extend(entry(f'.B {literal(key)}', lines, pages) for key, lines in head.rows)
    out.append(functions_of(header, pages))
    out.append(types_of(header, pages))
    out.append('.SH ERRORS\n' + (render(failure, pages) + '\n' if failure else ''))
    if header.name == 'common':
        out[-1] = ''
    else:
        out[-1] += ('.PP\nThe values of errno and of \\fBpk_status\\fP, and the rules for all functions:\n'
                    '\\fBpoolkit_common\\fP(3).\nWhat follows a bug of the caller: \\fBpoolkit_fault\\fP(3).')
    if head.example:
        out.append('.SH EXAMPLES\n' + render(head.example, pages))
    out.append(see_also([h.name for h in headers if h is not header]))
    return without_lone_paragraphs('\n'.join(part for part in out if part) + '\n')


def functions_of(header, pages):
    out, section = [], ''
    for group_section, comment, decls in header.groups:
        shown = [decl for decl in decls if decl.kind != 'type']
        if not shown:
            continue
        if not out:
            out.append('.SH FUNCTIONS')
        if group_section != section:
            section = group_section
            out.append(f'.SS {section[0].upper() + section[1:]}')
        tags = [f'\\fB{literal(decl.name)}\\fP' + ('' if decl.kind == 'callback' else '()') for decl in shown]
        out.append(entry(', '.join(tags), comment, pages))
    return '\n'.join(out)


def types_of(header, pages):
    out = []
    for _, comment, decls in header.groups:
        types = [decl for decl in decls if decl.kind == 'type']
        if not types:
            continue
        out.append('' if out else '.SH TYPES')
        text = render(comment, pages) if len(types) == len(decls) and comment else '.PP'
        code = code_block('\n'.join(decl.text for decl in types).split('\n'))
        out.append(f'{text}\n.PP\n{code}')
    return '\n'.join(part for part in out if part)


def see_also(names):
    pages = ['\\fBpoolkit\\fP(1)', '\\fBpoolkit\\fP(3)'] + [f'\\fBpoolkit_{name}\\fP(3)' for name in names]
    return '.SH SEE ALSO\n' + ',\n'.join(pages)


def without_lone_paragraphs(text):
    """A heading begins a paragraph by itself, and one paragraph macro is enough."""
    text = re.sub(r'\n{2,}', '\n', text)
    text = re.sub(r'(\.PP\n)+', '.PP\n', text)
    text = re.sub(r'(\.S[HS] .*\n)\.PP\n', r'\1', text)
    return re.sub(r'\.PP\n(?=\.(SH|SS|TP|IP)\b)', '', text)


def overview(headers, date, version):
    out = [title('poolkit', date, version), '.SH NAME\npoolkit \\- memory pools for C',
           '.SH SYNOPSIS\n.nf\n\\fB#include <poolkit/poolkit.h>\\fP\n.fi\n.PP\n'
           'Compile and link with \\fIpkg\\-config \\-\\-cflags \\-\\-libs poolkit\\fP.',
           '.SH DESCRIPTION\n\\fB<poolkit/poolkit.h>\\fP includes every public header. Each has a page,\n'
           'which each of its functions leads to:\n\\fBman pk_arena_alloc\\fP opens '
           '\\fBpoolkit_arena\\fP(3). C++ has \\fB<poolkit/poolkit.hpp>\\fP.']
    out += [f'.TP\n\\fBpoolkit_{h.name}\\fP(3)\n{prose(h.head.brief, set())}' for h in headers]
    out.append('.SH SEE ALSO\n\\fBpoolkit\\fP(1)')
    return '\n'.join(out) + '\n'


def date_of_manual():
    """That of the page of the command, so that the same sources give the same pages."""
    text = (ROOT / 'docs' / 'man' / 'poolkit.1').read_text(encoding='utf-8')
    month, day, year = re.search(r'^\.Dd (\w+) (\d+), (\d+)', text, re.M).groups()
    months = 'January February March April May June July August September October November December'
    return f'{year}-{months.split().index(month) + 1:02}-{int(day):02}'


def main(arguments):
    if len(arguments) != 1:
        fail('usage: docs/man/pages.py OUT_DIR')
    out = pathlib.Path(arguments[0])
    version = (ROOT / 'VERSION').read_text(encoding='utf-8').strip()
    date = date_of_manual()
    headers = [Header(path) for path in sorted(HEADERS.glob('*.h')) if path.stem != 'poolkit']
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob('*.3'):
        old.unlink()
    (out / 'poolkit.3').write_text(overview(headers, date, version), encoding='ascii')
    for header in headers:
        page = f'poolkit_{header.name}.3'
        (out / page).write_text(page_of(header, headers, date, version), encoding='ascii')
        for decl in header.decls('function', 'macro', 'callback', 'type'):
            if decl.name:
                (out / f'{decl.name}.3').write_text(f'.so man3/{page}\n', encoding='ascii')


main(sys.argv[1:])
