# SPDX-License-Identifier: MIT
"""What the benchmark of the pools measures: workloads and their goals, peers and their packages."""

OURS = ("poolkit",)
BY_HAND = ("null", "limit", "mutex_link")


class Workload:
    """goal: (most instructions, or None); versus: (peer, most time as a ratio to it, or None)"""

    def __init__(self, id, title, family, row, instructions=None, ratio=None, counted=True):
        self.id, self.title, self.family, self.row = id, title, family, row
        self.instructions, self.ratio, self.counted = instructions, ratio, counted


# `row` is the program of ours that the goal is for.
WORKLOADS = [
    Workload("a1", "arena: 10,000 blocks of 32 B, reset", "arena", "arena_poolkit", 13),
    Workload("a2", "arena: 10,000 blocks of 8 to 256 B, reset", "arena", "arena_poolkit", 19),
    Workload("a3", "arena: tree, per node with its name", "arena", "arena_poolkit"),
    Workload("a4", "arena: a life with 5 allocations", "arena", "arena_poolkit", 150),
    Workload("a5", "arena: growth by blocks of 64 B", "arena", "arena_poolkit"),
    Workload("b1", "block pool: take and give back", "block", "block_poolkit", 17),
    Workload("b2", "block pool: 1,000, given back in order", "block", "block_poolkit"),
    Workload("b3", "block pool: 1,000, given back in random order", "block", "block_poolkit"),
    Workload("b4", "block pool: 100,000 in use, one at random replaced", "block",
             "block_poolkit", 24),
    Workload("b4L", "block pool: 1,000,000 in use, one at random replaced", "block",
             "block_poolkit",
             ratio=[("block_boost", 0.3), ("block_dpdk", 1.0)], counted=False),
    Workload("b4N", "block pool: the same, the new block not written to", "block", "block_poolkit",
             ratio=[("block_boost", 0.3), ("block_dpdk", 1.0)], counted=False),
    Workload("o1", "object pool: costly constructor", "object", "block_poolkit_object", 20),
    Workload("s1", "shared pool: take and give back, one thread", "shared",
             "block_poolkit_shared", 24),
    Workload("s2", "shared pool: two threads, each its own pairs", "shared", "block_poolkit_shared",
             counted=False),
    Workload("s3", "shared pool: one thread takes, the other gives back", "shared",
             "block_poolkit_shared", counted=False),
]

# Programs that take part in a family although their names do not say so, and that do not.
FOR_ANY_THREAD = ["block_poolkit_shared", "block_poolkit_locked", "block_limit_thread",
                  "block_mutex_link", "block_boost_mutex", "block_pmr_sync", "block_dpdk",
                  "block_glibc", "block_jemalloc", "block_mimalloc", "block_tcmalloc_minimal",
                  "block_gslice", "block_null"]
ONLY_FOR_THREADS = ["block_poolkit_shared", "block_poolkit_locked", "block_limit_thread"]
NO_OBJECTS = ["block_boost_object", "block_boost_fast", "block_boost_mutex", "block_mutex_link",
              "block_limit_thread"]

# (program, workload): why there is no row.
LEFT_OUT = {
    ("arena_boost", "a2"): "has one size", ("arena_boost", "a3"): "has one size",
    ("arena_boost", "a4"): "has one size",
    ("arena_null", "a3"): "the tree needs memory",
    ("block_null", "s3"): "hands out one block",
    ("block_limit_thread", "s3"): "blocks do not come home",
    ("block_boost_object", "b4"): "its free walks a list: 20 us each",
    ("block_boost_object", "b4L"): "its free walks a list: 200 us each",
    ("block_boost_object", "b4N"): "its free walks a list: 200 us each",
}

# Who a peer is: the words behind the family's name, and the packages that know its version.
PACKAGES = {
    "apr": "libapr1", "talloc": "libtalloc2", "talloc_pool": "libtalloc2", "obstack": "libc6",
    "glibc": "libc6", "jemalloc": "libjemalloc2", "mimalloc": "libmimalloc2.0",
    "mi_heap": "libmimalloc2.0", "tcmalloc_minimal": "libtcmalloc-minimal4",
    "gslice": "libglib2.0-0", "dpdk": "libdpdk-dev", "pmr_monotonic": "libstdc++6",
    "pmr_unsync": "libstdc++6", "pmr_sync": "libstdc++6", "boost": "libboost1.74-dev",
    "boost_object": "libboost1.74-dev", "boost_fast": "libboost1.74-dev",
    "boost_mutex": "libboost1.74-dev",
}
EXPECTED = ["arena_" + p for p in ("apr", "talloc", "talloc_pool", "boost", "jemalloc", "mimalloc",
                                   "tcmalloc_minimal", "mi_heap")] + \
           ["block_" + p for p in ("boost", "boost_object", "boost_fast", "boost_mutex", "dpdk",
                                   "gslice", "talloc", "jemalloc", "mimalloc", "tcmalloc_minimal",
                                   "mi_heap")]


def peer_of(program):
    """arena_apr -> apr"""
    return program.split("_", 1)[1]


def takes_part(program, workload):
    family = program.split("_", 1)[0]
    if (program, workload.id) in LEFT_OUT:
        return False
    if workload.family == "arena":
        return family == "arena" and (program != "arena_poolkit_buffer" or workload.id == "a4")
    if family != "block":
        return False
    if workload.family == "shared":
        return program in FOR_ANY_THREAD
    if program in ONLY_FOR_THREADS:
        return False
    if workload.family == "object":
        return program not in NO_OBJECTS and program != "block_poolkit"
    return program != "block_poolkit_object"
