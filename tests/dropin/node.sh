#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Node.js: worker threads that start and end, the zlib and crypto thread pool, buffers of all sizes,
# child processes.
. "$(dirname "$0")/lib.bash"
need node

program()
{
    cat > main.js << 'END'
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const { createHash, pbkdf2 } = require('crypto');
const { execFileSync } = require('child_process');
const zlib = require('zlib');
const { promisify } = require('util');
const sha = (x) => createHash('sha256').update(x).digest('hex');

function work(seed) {
    const map = new Map();
    let x = seed + 1, text = '';
    for (let i = 0; i < 60000; i++) {
        x = (x * 1103515245 + 12345) % 2147483648;
        map.set(`k${x % 5000}`, { i, list: [x, i], s: 'v'.repeat(x % 30) });
        if (i % 50 === 0) text += JSON.stringify([...map.values()].slice(0, 5));
    }
    const buffers = [];
    for (let n = 1; n < 3000000; n = n * 3 + 1) buffers.push(Buffer.alloc(n, n & 255));
    return sha(text + Buffer.concat(buffers).toString('latin1'));
}

if (!isMainThread) {
    parentPort.postMessage(work(workerData));
} else (async () => {
    for (let round = 0; round < 3; round++) {
        const jobs = [...Array(4).keys()].map((i) => new Promise((resolve, reject) => {
            const w = new Worker(__filename, { workerData: round * 4 + i });
            w.on('message', resolve).on('error', reject);
        }));
        console.log((await Promise.all(jobs)).join('\n'));
    }
    const input = Buffer.from('poolkit '.repeat(200000));
    const jobs = [];
    for (let i = 0; i < 24; i++)
        jobs.push(promisify(zlib.deflate)(input.subarray(i * 1000), { level: i % 9 + 1 }),
                  promisify(pbkdf2)('word' + i, 'salt', 2000, 32, 'sha256'));
    for (const r of await Promise.all(jobs)) console.log(sha(r));
    for (let i = 0; i < 5; i++)
        console.log(execFileSync('/bin/echo', ['child', String(i)]).toString().trim());
    console.log(work(99));
})();
END
    node main.js
}

both "program" program
finish
