# SPDX-License-Identifier: MIT
"""poolkit-gdb.py: poolkit's pools seen by gdb, in a running process or a core file.

    poolkit pools        every heap and shared pool, and arenas and block pools with a name
    poolkit block ADDR   whose block an address is, and whether it is in use
    print stats          a pk_stats, sizes with their units

It reads the library's own records by their debug information, calls nothing in the process and takes no
lock: what a thread is just changing may be seen half changed. gdb loads it by itself with an installed
libpoolkit.so or libpoolkit-malloc.so; elsewhere: source share/gdb/poolkit-gdb.py. It works with every
copy of the library in the process: in the program, shared, and the drop-in.
"""
import gdb
import gdb.printing

# As in src/slab/chunk.h: what a slab's word can be beside an owner and a class.
WORD_FREE, WORD_RUN, WORD_RUN_REST, WORD_SPARE = 0, 0xFFF0, 0xFFE0, 0xFFB0
CHUNK_SIZE = 4 << 20
SLAB_SIZE = 64 << 10
STATIC_TLS_MOST = 1 << 16  # a thread's variables lie so near below its fs_base
MANY = 1 << 24             # a list longer than this is damaged


def size_text(n):
    """As pki_text_size does it: 17 B, 1.0 KiB, 12.5 MiB."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if n < 1024 or unit == "TiB":
            return "%d B" % n if unit == "B" else "%.1f %s" % (n, unit)
        n /= 1024


def count(n, what):
    return "%d %s%s" % (n, what, "" if n == 1 else "s")


def text_of(value):
    """A char array or a char pointer, also of bytes that are no UTF-8."""
    if value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR and int(value) == 0:
        return "?"
    text = value.string("utf-8", "replace")
    return "".join(c if c.isprintable() else "?" for c in text)


def chain(first, link):
    """The elements of a list: from `first` on, the next one by link(element)."""
    for _ in range(MANY):
        if int(first) == 0:
            return
        element = first.dereference()
        yield element
        first = link(element)


def statics(name, source):
    """The variable `name` of the source file, once for each copy of the library."""
    for symbol in gdb.lookup_static_symbols(name):
        if symbol.symtab.filename.endswith(source) and symbol.addr_class != gdb.SYMBOL_LOC_OPTIMIZED_OUT:
            yield symbol.value()


# ---- the library's records ----


class Space:
    """A heap or a shared pool."""

    def __init__(self, value):
        self.value = value
        self.address = int(value.address)
        self.name = text_of(value["name"])
        self.kind = "heap" if int(value["kind"]) == 0 else "shared pool"

    def __str__(self):
        return "%s '%s'" % (self.kind, self.name)

    def chunks(self):
        return chain(self.value["all"]["next"], lambda chunk: chunk["all"]["next"])

    def large(self, cached=False):
        return chain(self.value["large_cache" if cached else "large"], lambda large: large["next"])

    def owners(self):
        return chain(self.value["owners"], lambda owner: owner["next"])

    def summary(self):
        value = self.value
        committed = (int(value["n_chunks"]) * CHUNK_SIZE + int(value["large_used"]) +
                     int(value["large_cached"]))
        text = "%s taken of %s, %s, %s, %s" % (
            size_text(int(value["used"])), size_text(committed), count(int(value["n_chunks"]), "chunk"),
            count(int(value["n_large"]), "large block"), count(int(value["n_owners"]), "owner"))
        limit = int(value["limit"])
        return text if limit == (1 << 64) - 1 else text + ", limit " + size_text(limit)


class Named:
    """An arena or a block pool that has a name."""

    def __init__(self, value):
        self.kind = value["kind"].string()
        self.address = int(value["pool"])
        self.parent = int(value["parent"])
        type_name = "pk_arena" if self.kind == "arena" else "pk_block_pool"
        self.value = value["pool"].cast(gdb.lookup_type(type_name).pointer()).dereference()
        ext = self.value["ext"].cast(gdb.lookup_type("struct " + type_name + "_ext").pointer())
        self.ext = ext.dereference()
        self.name = text_of(self.ext["name"] if self.kind == "arena" else self.ext["opts"]["name"])

    def __str__(self):
        return "%s '%s'" % (self.kind, self.name)

    def summary(self):
        text = "%s, %s" % (size_text(int(self.ext["committed"])),
                           count(int(self.ext["n_chunks"]), "chunk"))
        if self.kind == "arena":
            return text
        stacked = (int(self.value["top"]) - int(self.ext["base"])) // 8 if self.is_open() else 0
        return "%s, %s of %d bytes in use" % (
            text, count(int(self.ext["used"]) - stacked, "block"), int(self.ext["stride"]))

    def is_open(self):
        """Do free blocks stand on the stack of a block pool? A closed one sees each call."""
        return not bool(self.ext["closed"])

    def stack(self):
        if not self.is_open() or int(self.ext["base"]) == 0:
            return []
        return pointers(int(self.ext["base"]), int(self.value["top"]))


def spaces():
    for table in statics("spaces", "slab/thread.c"):
        for slot in range(int(table["n"])):
            space = table["space"][slot]
            if int(space) != 0:
                yield Space(space.dereference())


def named_pools():
    for table in statics("named", "pool/named.c"):
        for named in chain(table["first"], lambda named: named["next"]):
            yield Named(named)


def pointers(begin, end):
    """The pointers in [begin, end), a stack's or a box's."""
    if not 0 < end - begin <= 8 * MANY:
        return []
    return memoryview(gdb.selected_inferior().read_memory(begin, end - begin)).cast("B").cast("Q")


def thread_text(owner):
    """Who an owner's thread is: the one under whose fs_base the tag's address lies nearest."""
    tag = int(owner["thread"])
    if tag == 0:
        return "no thread's: that of its thread's end, or shared"
    best, chosen, before = STATIC_TLS_MOST, None, gdb.selected_thread()
    frame = gdb.selected_frame() if before is not None else None
    for thread in gdb.selected_inferior().threads():
        thread.switch()
        distance = int(gdb.parse_and_eval("(unsigned long)$fs_base")) - tag
        if 0 <= distance < best:
            best, chosen = distance, thread
    if before is not None:
        before.switch()
        frame.select()
    if chosen is None:
        return "a thread that gdb does not see"
    return "thread %d, LWP %d" % (chosen.num, chosen.ptid[1] or chosen.ptid[2])


# ---- whose block is it? ----


class Block:
    """What is found out about an address: lines of (label, text)."""

    def __init__(self, pool, lines):
        self.lines = [("pool", "%s at %#x" % (pool, pool.address))] + lines


def state_in_slab(slab, number):
    if number >= int(slab["fresh"]):
        return "never handed out"
    bits = int(slab["bits"][number // 64])
    return "free, in its slab" if bits >> (number % 64) & 1 else None


def state_with_owners(space, address):
    """Of a block that its slab does not have: it may stand in a stack or an outbox of any owner."""
    for owner in space.owners():
        bins = (owner.address + 1).cast(gdb.lookup_type("pki_bin").pointer())
        for i in range(int(space.value["geometry"]["n"])):
            base = int(owner["list"][i]["base"])
            if base != 0 and address in pointers(base, int(bins[i]["top"])):
                return "free, in a stack of " + thread_text(owner)
        for i in range(8 if int(owner["outbox"]) != 0 else 0):
            box = owner["outbox"][i]
            begin = int(box["block"].address)
            if address in pointers(begin, begin + 8 * int(box["n"])):
                return "free, on its way home from " + thread_text(owner)
    return "live"


def owner_of(space, word):
    for owner in space.owners():
        if int(owner["key"]) >> 16 == word >> 16:
            return owner
    return None


def block_lines(begin, size, address, state):
    inside = address - begin
    return [("block", "%#x, %d bytes%s" % (begin, size, "; the address is byte %d" % inside
                                           if inside else "")), ("state", state)]


def block_in_class(space, slab, word, address):
    size, base = int(slab["block_size"]), int(slab["base"])
    number = (address - base) // size
    if number >= int(slab["capacity"]):
        return Block(space, [("place", "the rest of a slab, too small for a block")])
    begin = base + number * size
    state = state_in_slab(slab, number) or state_with_owners(space, begin)
    owner = owner_of(space, word)
    who = thread_text(owner) if owner is not None else "unknown"
    return Block(space, block_lines(begin, size, address, state) + [("owner", who)])


def block_in_chunk(space, chunk, address):
    base = int(chunk.address)
    number = (address - base) // SLAB_SIZE
    word = int(chunk["word"][number])
    while word == WORD_RUN_REST and number > 1:
        number -= 1
        word = int(chunk["word"][number])
    slab = chunk["slab"][number]
    if word >> 16:
        return block_in_class(space, slab, word, address)
    if word == WORD_RUN:
        return Block(space, block_lines(base + number * SLAB_SIZE, int(slab["block_size"]), address,
                                        "live"))
    place = {WORD_FREE: "a slab that nobody has", WORD_SPARE: "an empty slab that an owner keeps"}
    return Block(space, [("place", place.get(word, "the library's records of a chunk"))])


def block_in_space(space, address):
    for chunk in space.chunks():
        if int(chunk.address) == address & ~(CHUNK_SIZE - 1):
            return block_in_chunk(space, chunk, address)
    for cached in (False, True):
        for large in space.large(cached):
            begin = int(large.address) & ~(CHUNK_SIZE - 1)
            if begin <= address < begin + int(large["mapped"]):
                if address < int(large["block"]):
                    return Block(space, [("place", "the library's records of a large block")])
                state = "free, kept for the next large block" if cached else "live"
                return Block(space, block_lines(int(large["block"]), int(large["usable"]), address,
                                                state))
    return None


def block_in_arena(arena, address):
    for chunks in (arena.value["chunk"], arena.ext["spare"]):
        for chunk in chain(chunks, lambda chunk: chunk["prev"]):
            begin = int(chunk.address)
            if not begin <= address < begin + int(chunk["size"]):
                continue
            newest = begin == int(arena.value["chunk"])
            cursor = arena.ext["cursor"] if bool(arena.ext["slow"]) else arena.value
            end = int(cursor["ptr"]) if newest else int(chunk["left_at"])
            used = int(chunk["begin"]) <= address < end and int(chunks) == int(arena.value["chunk"])
            return Block(arena, [
                ("chunk", "%#x, %d bytes" % (begin, int(chunk["size"]))),
                ("state", "handed out; an arena does not know its blocks" if used else
                 "not handed out")])
    return None


def block_in_block_pool(pool, address):
    for chunk in chain(pool.ext["first"], lambda chunk: chunk["next"]):
        slab = chunk["slab"]
        size, base = int(slab["block_size"]), int(slab["base"])
        number = (address - base) // size
        if 0 <= number < int(slab["capacity"]):
            begin = base + number * size
            state = state_in_slab(slab, number)
            if state is None:
                state = "free, in the pool's stack" if begin in pool.stack() else "live"
            return Block(pool, block_lines(begin, size, address, state))
    return None


def find_block(address):
    for space in spaces():
        block = block_in_space(space, address)
        if block is not None:
            return block
    for pool in named_pools():
        in_pool = block_in_arena if pool.kind == "arena" else block_in_block_pool
        block = in_pool(pool, address)
        if block is not None:
            return block
    return None


# ---- commands ----


class Poolkit(gdb.Command):
    """Questions about poolkit's pools: poolkit pools, poolkit block ADDRESS."""

    def __init__(self):
        super().__init__("poolkit", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)


class PoolkitPools(gdb.Command):
    """Lists every heap and shared pool, and each arena and block pool that has a name."""

    def __init__(self):
        super().__init__("poolkit pools", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        found = list(spaces()) + list(named_pools())
        for pool in found:
            print("%-14s  %s: %s" % ("%#x" % pool.address, pool, pool.summary()))
        if not found:
            print("There are no pools, or poolkit has no debug information here.")


class PoolkitBlock(gdb.Command):
    """Says whose block an address is: poolkit block ADDRESS (any expression)."""

    def __init__(self):
        super().__init__("poolkit block", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError("poolkit block: which address?")
        address = int(gdb.parse_and_eval(argument).cast(gdb.lookup_type("unsigned long")))
        block = find_block(address)
        if block is None:
            print("%#x: not poolkit's, or of an arena or block pool without a name" % address)
            return
        print("%#x:" % address)
        for label, text in block.lines:
            print("  %-6s %s" % (label, text))


class StatsPrinter:
    """pk_stats: bytes with their units, counts as they are."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        return "pk_stats of '%s'" % text_of(self.value["name"])

    def children(self):
        for field in self.value.type.strip_typedefs().fields():
            if field.name in ("size", "name"):
                continue
            n = int(self.value[field.name])
            yield field.name, str(n) if field.name.startswith("n_") else size_text(n)


Poolkit()
PoolkitPools()
PoolkitBlock()
printers = gdb.printing.RegexpCollectionPrettyPrinter("poolkit")
printers.add_printer("pk_stats", "^pk_stats$", StatsPrinter)
gdb.printing.register_pretty_printer(None, printers, replace=True)
