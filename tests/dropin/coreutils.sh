#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Everyday tools: a parallel sort of a million lines, sort -R, awk, sed, tar with gzip, xz with two
# threads, find, and a shell script that forks 500 times.
. "$(dirname "$0")/lib.bash"
need sort awk sed tar gzip xz bash find

lines() # COUNT
{
    awk -v n="$1" 'BEGIN {
        x = 12345
        for (i = 0; i < n; i++) {
            x = (x * 1103515245 + 12345) % 2147483648
            printf "%d %s%x line %d\n", x % 1000003, substr("abcdefghijklmnop", x % 16), x, i
        }
    }'
}

sorting()
{
    lines 1000000 > big.txt
    sort --parallel=2 -S 60M big.txt | sha256sum
    sort --parallel=2 -k 2,2 -k 1,1n big.txt | sha256sum
    head -200000 big.txt > part.txt
    head -c 4096 big.txt > seed
    sort -R --random-source=seed part.txt 2> /dev/null | sort | sha256sum
    sort -u -k 1,1n part.txt | tail -3
    shuf --random-source=big.txt -n 1000 part.txt | sha256sum
    uniq -c part.txt | tac | sha256sum
}

texts()
{
    lines 200000 > t.txt
    awk '{ count[$1 % 5000]++; text[$2] = text[$2] $4 } END {
        for (k in count) s += count[k] * k
        for (k in text) n += length(text[k])
        print s, n }' t.txt
    sed -E 's/([a-p]+)([0-9a-f]+)/\2\1/; N; P; D' t.txt | sha256sum
    grep -c -E '(ab|cd).*7[0-9]+ line' t.txt
    grep -o -E 'p[0-9a-f]{3,5}' t.txt | sort | uniq -c | sort -rn | head -20
    tr a-p A-P < t.txt | cut -d ' ' -f 2- | paste -s -d, | fold -w 77 | sha256sum
    join -j 1 <(sort -k 1,1 t.txt | head -2000) <(sort -k 1,1 t.txt | head -2000) | sha256sum
    diff <(head -2000 t.txt) <(head -2100 t.txt | sed 50d) | sha256sum
}

archives()
{
    mkdir tree
    lines 60000 | split -l 100 - tree/part-
    find tree -type f -printf '%f %s\n' | sort | sha256sum
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf a.tar tree
    gzip -n -k a.tar
    xz -T2 -k --block-size=1MiB a.tar
    sha256sum a.tar a.tar.gz a.tar.xz
    mkdir x && tar -C x -xJf a.tar.xz && diff -r tree x/tree && echo same
    gzip -t a.tar.gz && echo tested
    du -s --apparent-size tree/part-aa
}

forks()
{
    bash -c '
        declare -A seen
        f() { local x=$1; echo $((x * x % 1009)); }
        for i in {1..500}; do
            v=$(f "$i")
            seen[$v]+="$i "
            text+="${v}_${text: -20}"
        done
        echo "${#seen[@]} ${#text}"
        for k in "${!seen[@]}"; do echo "$k: ${seen[$k]}"; done | sort -n | tail -20
        for i in {1..50}; do (exit 3) & done
        wait
        echo "${text//1/one}" | md5sum
        mapfile -t lines < <(seq 20000); echo "${#lines[@]} ${lines[19999]}"'
}

both "sorting" sorting
both "texts" texts
both "archives" archives
both "forks" forks
finish
