# SPDX-License-Identifier: MIT
"""What the benchmark gives to python3: words, records, a parse tree and JSON. words.py SIZE"""
import ast
import collections
import json
import sys


def chance(seed=1):
    while True:
        seed = (seed * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        yield seed >> 33


def main():
    size = int(sys.argv[1])
    numbers = chance()
    words = ["w%x" % (next(numbers) % 5000) * (1 + next(numbers) % 3) for _ in range(40 * size)]
    counts = collections.Counter(words)
    index = collections.defaultdict(list)
    for at, word in enumerate(words):
        index[word[:3]].append((word, at))
    records = [{"id": i, "name": w, "tags": w.split("a"), "price": i / 7}
               for i, w in enumerate(words[: 12 * size])]
    text = json.dumps(records)
    again = sorted(json.loads(text), key=lambda r: (r["name"], -r["id"]))
    source = "\n".join("def f%d(a, b):\n    return [a + %d * x for x in b if x != '%s']" % (i, i, w)
                       for i, w in enumerate(words[: 2 * size]))
    nodes = collections.Counter(type(n).__name__ for n in ast.walk(ast.parse(source)))
    print(counts.most_common(5), len(index), again[0], len(text), sorted(nodes.items()))


main()
