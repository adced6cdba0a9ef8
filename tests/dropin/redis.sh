#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A Redis server on a socket in a temporary folder: every data type, expiry, scripts, DEBUG RELOAD,
# a background save (fork) under load, a small benchmark with two I/O threads. The answers and the
# data set's digest must be the same.
. "$(dirname "$0")/lib.bash"
need redis-server redis-cli redis-benchmark

server()
{
    local s=$PWD/s r pid
    redis-server --port 0 --unixsocket "$s" --dir "$PWD" --save '' --appendonly no \
        --enable-debug-command yes --activedefrag no --io-threads 2 --lazyfree-lazy-user-del yes \
        --daemonize no > server.log 2>&1 &
    pid=$!
    trap 'kill -9 "$pid" 2> /dev/null' EXIT # whatever happens, no server stays behind
    r="redis-cli -s $s"
    for _ in $(seq 100); do
        [ "$($r ping 2> /dev/null)" = PONG ] && break
        sleep 0.05
    done
    [ "$($r ping)" = PONG ] || { tail -5 server.log; return 1; }

    $r debug populate 60000 key 100
    awk 'BEGIN { for (i = 0; i < 30000; i++) {
        printf "SET s:%d %0*d\n", i % 4000, i % 900 + 1, i
        printf "APPEND s:%d tail%d\n", i % 700, i
        printf "LPUSH l:%d %d-%0*d\n", i % 50, i, i % 70 + 1, i
        printf "SADD set:%d %d\n", i % 40, i * 7919 % 10007
        printf "ZADD z:%d %d member-%d\n", i % 30, i * 31 % 997, i
        printf "HSET h:%d f%d %0*d\n", i % 60, i % 500, i % 200 + 1, i
        if (i % 3 == 0) printf "DEL s:%d\n", i % 4000
        if (i % 11 == 0) printf "RPOP l:%d\n", i % 50
    } }' | $r > answers.txt
    sha256sum < answers.txt
    $r eval 'local t = {} for i = 1, 20000 do t[i] = tostring(i) .. "x" end
        redis.call("set", "lua", table.concat(t)) return #t' 0
    $r strlen lua
    $r dbsize
    $r debug digest > before
    $r debug reload
    $r debug digest > after
    cat before
    cmp before after && echo "same after reload"

    $r bgsave > /dev/null
    redis-benchmark -s "$s" -q -n 20000 -c 20 -P 8 -r 5000 -d 300 -t set,get,lpush,lpop,sadd,hset \
        > bench.txt 2>&1
    echo "benchmark $?, $(grep -a -c 'requests per second' bench.txt) results"
    for _ in $(seq 200); do
        $r info persistence | grep -q 'rdb_bgsave_in_progress:0' && break
        sleep 0.05
    done
    $r info persistence | grep -a -E 'rdb_last_bgsave_status|rdb_bgsave_in_progress' | tr -d '\r'
    $r bgrewriteaof > /dev/null
    for _ in $(seq 200); do
        $r info persistence | grep -q 'aof_rewrite_in_progress:0' && break
        sleep 0.05
    done
    $r info persistence | grep -a aof_last_bgrewrite_status | tr -d '\r'
    $r flushall async
    $r dbsize
    $r shutdown nosave
    wait "$pid"
    echo "server ended with $?"
    trap - EXIT
    grep -a -c -i -E 'crash|assert|bug report' server.log
    return 0
}

filter()
{
    sed -E 's/"?(BGSAVE|Background).*//'
}

both "server" server
finish
