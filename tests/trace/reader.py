#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# reader.py: reads a trace, written from docs/trace-format.md alone, and prints it as sample.c does.
# reader.py FILE | reader.py --hex FILE (each chunk's kind and content, and the last one as stored)
import ctypes
import struct
import sys

zstd = ctypes.CDLL("libzstd.so.1")
zstd.ZSTD_decompress.restype = ctypes.c_size_t
zstd.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong

M64 = (1 << 64) - 1


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def more(self):
        return self.at < len(self.data)

    def number(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                assert (byte or shift == 7) and value <= M64
                return value

    def signed(self):
        n = self.number()
        return -(n + 1) // 2 if n % 2 else n // 2

    def text(self):
        end = self.data.index(0, self.at)
        text = self.data[self.at:end].decode()
        self.at = end + 1
        return text

    def take(self, n):
        assert self.at + n <= len(self.data)
        self.at += n
        return Bytes(self.data[self.at - n:self.at])


def chunks(data):
    assert data[:8] == b"pktrace\n" and struct.unpack("<II", data[8:16]) == (1, 0xFFFFFFFE)
    at = 16
    number = 0
    while at < len(data):
        word, check = struct.unpack_from("<II", data, at)
        assert check == word ^ 0xFFFFFFFF ^ number
        frame = data[at + 8:at + 8 + word // 32]
        assert len(frame) == word // 32 and frame[4] & 31 == 4
        size = zstd.ZSTD_getFrameContentSize(frame, len(frame))
        content = ctypes.create_string_buffer(size)
        assert zstd.ZSTD_decompress(content, size, frame, len(frame)) == size > 0
        yield word % 32, content.raw, data[at:at + 8 + len(frame)]
        at += 8 + len(frame)
        number += 1


class Column:
    def __init__(self, data):
        self.data, self.zero = data, not data.data

    def number(self):
        return 0 if self.zero else self.data.number()

    def signed(self):
        return 0 if self.zero else self.data.signed()

    def distance(self):
        n = self.number()
        low = n >> 61
        n &= (1 << 61) - 1
        return (-(n + 1) // 2 if n % 2 else n // 2) * 8 + low


class Block:
    """The events of one chunk."""

    def __init__(self, content):
        c = Bytes(content)
        self.n, self.tick = c.number(), c.number()
        lengths = [c.number() for _ in range(12)]
        self.column = [Column(c.take(n)) for n in lengths]
        assert not c.more()
        self.births, self.lists, self.places = [], {}, {}
        self.last_come = self.last_old = self.taken = self.last_birth = 0
        self.taken_birth = None
        self.gone = set()
        self.stack_come = self.stack_go = 0

    def list_for(self, class_, thread):
        return self.lists.setdefault((class_ + 1031 * thread) % 16384, [])

    def come(self, op, thread, how):
        self.stack_come += self.column[3].signed()
        size, stack = self.column[5].number(), self.stack_come
        class_ = 2 if size <= 24 else ((size + 23) & M64) // 16 % 16384
        first = self.list_for(class_, thread)
        place = stack % 16384
        assert how < 3
        if how == 2:
            depth = self.column[11].number()
            assert depth < 32
            address = self.births[first.pop(-1 - depth)][0]
        elif not how:
            start = self.places.get(place, 0) or self.last_come
            address = (start + self.column[8].distance()) & M64
        elif op in (7, 8):
            address = self.taken
        else:
            address = self.births[first[-1]][0] if first else 0
        if op in (7, 8):
            if how != 1 and self.taken_birth is not None:
                self.put_back(self.taken_birth, thread)
            self.taken_birth = None
        elif how == 1 and first:
            first.pop()
        self.places[place] = self.last_come = address
        self.births.append((address, class_))
        return address, size, stack

    def put_back(self, birth, thread):
        self.list_for(self.births[birth][1], thread).append(birth)

    def go(self, op, thread, how):
        self.stack_go += self.column[4].signed()
        size, birth = self.column[6].number(), None
        assert how < 2
        if how:
            birth = self.last_birth = self.last_birth + self.column[9].signed()
            assert birth not in self.gone
            self.gone.add(birth)
            address = self.births[birth][0]
        else:
            address = self.last_old = (self.last_old + self.column[10].distance()) & M64
        if op == 21:
            self.taken, self.taken_birth = address, birth
        elif birth is not None:
            self.put_back(birth, thread)
        return address, size, self.stack_go

    def events(self):
        for _ in range(self.n):
            op = self.column[0].number()
            how, op = divmod(op, 32)
            thread, step = self.column[1].number(), self.column[2].number()
            align = self.column[7].number()
            self.tick += step
            address, size, stack = (self.come if op < 16 else self.go)(op, thread, how)
            yield f"event {self.tick * 10000} {op} {thread} {address:x} {size} {stack} {align}"
        assert not any(c.data.more() for c in self.column)


class Trace:
    def __init__(self, data):
        self.stacks, self.modules, self.threads, self.samples = {}, [], [], []
        self.symbols, self.dropped, self.end, self.blocks = {}, 0, None, []
        read = {3: self.stack, 4: self.module, 5: self.thread, 6: self.sample, 7: self.symbol,
                8: self.gap}
        for kind, content, _ in chunks(data):
            c = Bytes(content)
            self.before = []
            if kind == 1:
                self.info = [c.text() for _ in range(5)] + [c.signed() for _ in range(3)]
                self.info += [c.number(), c.number()]
            elif kind == 2:
                self.blocks.append(content)
            elif kind == 9:
                self.end = [c.number() for _ in range(4)]
            else:
                while c.more():
                    read[kind](c)

    def stack(self, c):
        number, shared, more = c.number(), c.number(), c.number()
        frames = self.before[:shared]
        for _ in range(more):
            frames.append(((frames[-1] if frames else 0) + c.signed()) & M64)
        self.before = self.stacks[number] = frames

    def module(self, c):
        self.modules.append((c.number(), c.number(), c.number(), c.text(), c.text()))

    def thread(self, c):
        self.threads.append((c.signed(), c.text()))

    def sample(self, c):
        self.samples.append([c.number() for _ in range(5)])

    def symbol(self, c):
        address, n = c.number(), c.number()
        self.symbols[address] = [(c.text(), c.text(), c.number()) for _ in range(n)]

    def gap(self, c):
        c.number(), c.number()
        self.dropped += c.number()

    def print(self):
        print("info", "|".join(self.info[:5]), *self.info[5:])
        for m in self.modules:
            print(f"module {m[0]:x} {m[1]:x} {m[2]:x} {m[3]} {m[4]}")
        for s in self.samples:
            print("sample", *s)
        events, _, stacks, threads = self.end
        print(f"dropped {self.dropped} threads {max(threads, len(self.threads))} "
              f"stacks {stacks} events {events} whole 1")
        for number in sorted(self.stacks):
            if self.stacks[number]:
                print("stack", number, *(f"{f:x}" for f in reversed(self.stacks[number])))
        for function, file, line in self.symbols.get(0x401010, []):
            print(f"function {function} {file}:{line}")
        for content in self.blocks:
            for line in Block(content).events():
                print(line)


def print_hex(data):
    print(data[:16].hex(" "))
    for kind, content, stored in chunks(data):
        print(f"{kind:02x}", content.hex(" "))
    print(stored.hex(" "))


data = open(sys.argv[-1], "rb").read()
if sys.argv[1] == "--hex":
    print_hex(data)
else:
    Trace(data).print()
