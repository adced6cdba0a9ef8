# SPDX-License-Identifier: MIT
"""The load on the redis server: one connection, commands in batches, the same bytes each time."""
import hashlib
import socket
import time

from inputs import chance

BATCH = 500


def _command(*words):
    parts = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


def _mixed(numbers, keys):
    """One command of the mixture: texts of many sizes, reads, appends, lists, hashes, deletes."""
    what, key = next(numbers) % 100, next(numbers) % keys
    if what < 40:
        return _command("SET", f"key:{key}", b"v" * (8 + next(numbers) % (1 << (3 + what % 8))))
    if what < 55:
        return _command("GET", f"key:{key}")
    if what < 65:
        return _command("APPEND", f"key:{key}", b"some more text at the end")
    if what < 75:
        return _command("LPUSH", f"list:{key % 500}", f"element-{key}")
    if what < 85:
        return _command("HSET", f"hash:{key % 5000}", f"field-{key}", f"value-{what}")
    return _command("UNLINK" if what < 93 else "DEL", f"key:{key}")


def _batches(commands, keys=60000):
    numbers = chance(23)
    yield from (b"".join(_mixed(numbers, keys) for _ in range(BATCH))
                for _ in range(commands // BATCH))
    yield b"".join(_command("DEL", f"key:{k}") for k in range(0, 2 * BATCH, 2))


def connect(path, seconds=20):
    """The server's socket as soon as it answers."""
    limit = time.monotonic() + seconds
    while True:
        try:
            client = socket.socket(socket.AF_UNIX)
            client.connect(path)
            return client
        except OSError:
            client.close()
            if time.monotonic() > limit:
                raise
            time.sleep(0.01)


def _replies(client, wanted, digest):
    """Reads until so many replies are there; each is a line, or a length line and a body."""
    data = b""
    while wanted:
        at = data.find(b"\r\n")
        body = int(data[1:at]) if at > 0 and data[:1] == b"$" else -1
        end = at + 2 + (body + 2 if body >= 0 else 0)
        if at < 0 or len(data) < end:
            more = client.recv(1 << 20)
            if not more:
                raise ConnectionError("the server closed the connection")
            data += more
            continue
        digest.update(data[:end])
        data, wanted = data[end:], wanted - 1


class Load:
    """So many commands for the server at a socket."""

    def __init__(self, path, commands):
        self.path, self.commands, self.batches = path, commands, []

    def prepare(self):
        """Makes the batches, before anything is measured."""
        self.batches = list(_batches(self.commands))

    def run(self):
        """Puts the load on the server and ends it; returns the hash of all that it answered."""
        digest = hashlib.sha256()
        with connect(self.path) as client:
            for batch in self.batches:
                client.sendall(batch)
                _replies(client, batch.count(b"\r\n*") + 1, digest)
            client.sendall(_command("SHUTDOWN", "NOSAVE"))
            client.recv(1)
        return digest.hexdigest()
