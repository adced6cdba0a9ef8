#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Python's own test suite (json, threading, gc, dict, re) with its small-object allocator and with
# PYTHONMALLOC=malloc, where every object comes from malloc; and a program with threads and forks.
. "$(dirname "$0")/lib.bash"

python=/usr/bin/python3
[ -x $python ] || python=python3
need $python
export PYTHONDONTWRITEBYTECODE=1
$python -c 'import test.test_json' 2> /dev/null || skip "the Python test suite is not installed"

filter()
{
    grep -a -v -E 'load avg|duration|^0:0' || true
}

suite()
{
    $python -m test "$@"
}

own_program()
{
    $python - << 'END'
import collections, hashlib, json, multiprocessing, random, re, threading, zlib

def work(seed):
    r = random.Random(seed)
    words = ["".join(r.choices("abcdefgh", k=r.randint(1, 60))) for _ in range(12000)]
    index = collections.defaultdict(list)
    for i, w in enumerate(words):
        index[w[:3]].append((w, i))
    text = json.dumps({k: sorted(v) for k, v in sorted(index.items())})
    again = json.loads(text)
    found = re.findall(r"(a[bc]+d)", text)
    packed = zlib.compress(text.encode() * 3)
    assert zlib.decompress(packed) == text.encode() * 3
    big = [bytes(n) for n in range(1000, 300000, 7001)]
    return hashlib.sha256((text + str(len(again)) + "".join(found) + str(sum(map(len, big))))
                          .encode()).hexdigest()

results = {}
threads = [threading.Thread(target=lambda i=i: results.__setitem__(i, work(i))) for i in range(6)]
for t in threads: t.start()
for t in threads: t.join()
for i in sorted(results): print(i, results[i])
with multiprocessing.get_context("fork").Pool(2) as pool:
    for line in pool.map(work, range(10, 18)): print(line)
END
}

malloc_suite()
{
    PYTHONMALLOC=malloc suite "$@"
}

malloc_program()
{
    PYTHONMALLOC=malloc own_program
}

both "suite" suite test_json test_gc test_dict test_re
both "suite, every object by malloc" malloc_suite test_json test_gc test_dict test_re
both "threads" malloc_suite test_threading
both "program" own_program
both "program, every object by malloc" malloc_program
finish
