#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# stacks.sh: call stacks are those that the compiler's own unwinder finds, and those out of the memo
# are those that unwinding finds. POOLKIT_RECORD_VERIFY=1 lets the library compare each of them.
source "$(dirname "${BASH_SOURCE[0]}")/common.inc"
[[ $(uname -m) == x86_64 ]] || skip "stacks by unwind tables are for x86-64"
export POOLKIT_RECORD_VERIFY=1

# right MEMO UNWOUND: at least so many were compared, none differs, in any image.
right() {
    local line
    at_least events 1
    is bad 0
    while read -r line; do
        [[ $line =~ memo=([0-9]+)/([0-9]+)\ unwind=([0-9]+)/([0-9]+)/([0-9]+)/([0-9]+) ]] ||
            fail "no figures: $line"
        local m=("${BASH_REMATCH[@]}")
        [[ ${m[1]} == 0 && ${m[3]} == 0 && ${m[4]} == 0 && ${m[5]} == 0 ]] ||
            fail "wrong stacks: $line: $(head -n 20 err)"
        ((m[2] >= $1 && m[6] >= $2)) || fail "too few compared: $line"
    done < <(grep '^image ' out)
}

# Signals in the middle of code, on the same stack; jumps out of frames; deep and changing stacks.
compile odd <<'C'
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
static jmp_buf back;
static volatile int ticks;
static void tick(int sig)
{
    (void)sig;
    free(malloc(33));
    ticks++;
}
static int deep(int n)
{
    char *volatile block = malloc(16);
    int more = n ? deep(n - 1) + 1 : 0;
    free(block);
    if (n == 20 && more % 3 == 0) longjmp(back, 1);
    return more;
}
static int array(unsigned n)
{
    volatile char *bytes = __builtin_alloca(n);
    bytes[0] = 1;
    char *volatile block = malloc(n);
    free(block);
    return bytes[0];
}
/* The block is asked for at one place of the stack, by two ways: what is between has been left there
 * by the other way. Only the frame pointer tells them apart. */
__attribute__((noinline)) static int last(unsigned n)
{
    volatile char *bytes = __builtin_alloca(n);
    char *volatile block = malloc(17);
    free(block);
    bytes[0] = 1;
    return bytes[0];
}
__attribute__((noinline)) static int either(unsigned n)
{
    volatile char *bytes = __builtin_alloca(n);
    if (n < 700) {
        last(2048 - n);
        __asm__ volatile("nop");
    } else {
        last(2048 - n);
        __asm__ volatile("nop; nop");
    }
    bytes[0] = 1;
    return bytes[0];
}
int main(void)
{
    for (int i = 0; i < 200; i++) either(i % 2 ? 512 : 1024);
    signal(SIGUSR1, tick);
    for (volatile int i = 0; i < 300; i++) {
        raise(SIGUSR1);
        array(16 + (unsigned)i % 50 * 32);
        if (setjmp(back) == 0) deep(19 + i % 4);
    }
    deep(300);
    return ticks != 300;
}
C
record "-s cfi -f" ./odd
right 1000 500

# Timers interrupt computing code anywhere, also in prologues and epilogues.
compile timer -fno-omit-frame-pointer <<'C'
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
static volatile int ticks;
static void tick(int sig)
{
    (void)sig;
    free(malloc(33));
    ticks++;
}
__attribute__((noinline)) static unsigned leaf(unsigned n) { return n * 2654435761u; }
__attribute__((noinline)) static unsigned inner(unsigned n)
{
    volatile unsigned some[20];
    some[n % 20] = leaf(n);
    return some[n % 20] + leaf(n + 1);
}
/* A trap between `pop %rbp` and `ret`: the tables say that rbp is where it was popped from. */
void popped(void);
__asm__(".globl popped\npopped:\n.cfi_startproc\npush %rbp\n.cfi_def_cfa_offset 16\n"
        ".cfi_offset 6, -16\nmov %rsp, %rbp\n.cfi_def_cfa_register 6\npop %rbp\n"
        ".cfi_def_cfa 7, 8\nint3\nret\n.cfi_endproc\n");
int main(void)
{
    struct itimerval often = {{0, 1000}, {0, 1000}};
    unsigned sum = 0;
    signal(SIGPROF, tick);
    signal(SIGTRAP, tick);
    popped();
    setitimer(ITIMER_PROF, &often, NULL);
    while (ticks < 100) sum += inner(sum);
    return 0;
}
C
record "-s cfi -f" ./timer
right 0 10

# On a stack of its own the caller is all that is told: one frame, and nothing is read beyond.
compile elsewhere <<'C'
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
static ucontext_t main_context, other;
static char *volatile block;
static void use(void)
{
    block = malloc(40);
    free(block);
}
static void handler(int sig)
{
    (void)sig;
    use();
}
static void coroutine(void)
{
    for (;;) {
        use();
        swapcontext(&other, &main_context);
    }
}
static void *work(void *arg)
{
    size_t size = 65536;
    char *memory = mmap(NULL, 3 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(memory + size, size, PROT_READ | PROT_WRITE);
    stack_t stack = {.ss_sp = memory + size, .ss_size = size / 2};
    sigaltstack(&stack, NULL);
    getcontext(&other);
    other.uc_stack.ss_sp = memory + size + size / 2;
    other.uc_stack.ss_size = size / 2;
    makecontext(&other, coroutine, 0);
    for (int i = 0; i < 100; i++) {
        use();
        pthread_kill(pthread_self(), SIGUSR1);
        swapcontext(&main_context, &other);
    }
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, NULL);
    munmap(memory, 3 * size);
    use();
    return arg;
}
int main(void)
{
    pthread_t thread;
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    work(NULL);
    for (int i = 0; i < 20; i++) {
        pthread_attr_t attr;
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, 131072 + 65536 * (size_t)(i % 3));
        if (i % 2) {
            void *own = mmap(NULL, 262144, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            pthread_attr_setstack(&attr, own, 262144);
        }
        pthread_create(&thread, &attr, work, NULL);
        pthread_join(thread, NULL);
        pthread_attr_destroy(&attr);
    }
    return 0;
}
C
record "-s cfi -f -v" ./elsewhere
right 1000 10
grep -qE '^stack [0-9]+ [0-9a-f]+$' out || fail "no stack of one frame, from the other stacks"
grep -qE '^stack [0-9]+( [0-9a-f]+){4}' out || fail "no deeper stack"

# A coroutine's stack may be gone, and a smaller one at its place: what was seen there is not asked.
compile smaller <<'C'
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#define PAGE 4096
static ucontext_t caller, other;
static unsigned depth;
__attribute__((noinline)) static void use(void)
{
    char *volatile block = malloc(40);
    free(block);
}
__attribute__((noinline)) static void nest(unsigned n)
{
    volatile char bytes[512];
    bytes[0] = 1;
    if (n) nest(n - 1);
    else use();
    bytes[1] = 1;
}
static void run(void)
{
    if (depth) nest(depth);
    use();
}
static void on(char *low, char *high, unsigned n)
{
    depth = n;
    getcontext(&other);
    other.uc_stack.ss_sp = low;
    other.uc_stack.ss_size = (size_t)(high - low);
    other.uc_link = &caller;
    makecontext(&other, run, 0);
    swapcontext(&caller, &other);
}
static void *work(void *arg)
{
    char *memory = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    use();
    for (unsigned n = 4; n < 40; n++) {
        on(memory, memory + 16 * PAGE, n);
        on(memory, memory + 16 * PAGE, n);
    }
    mprotect(memory + 12 * PAGE, 4 * PAGE, PROT_NONE);
    for (uintptr_t at = 4 * PAGE; at < 12 * PAGE; at += 16) {
        on(memory, memory + at, 0);
    }
    return arg;
}
int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    return 0;
}
C
record "-s cfi -f" ./smaller
right 0 1

cat >throws.cpp <<'CPP'
#include <map>
#include <string>
#include <stdexcept>
#include <thread>
#include <vector>
static int thrower(int n)
{
    std::string text(100 + n, 'x');
    if (n % 7 == 0) throw std::runtime_error(text);
    return n ? thrower(n - 1) : 0;
}
static void work()
{
    std::map<int, std::string> all;
    for (int i = 1; i < 300; i++) {
        try {
            thrower(i);
        } catch (const std::exception &e) {
            all[i] = e.what();
        }
    }
}
int main()
{
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; i++) threads.emplace_back(work);
    for (auto &t : threads) t.join();
    work();
    return 0;
}
CPP
"$CXX" -std=c++17 -O2 -pthread throws.cpp -o throws || fail "throws.cpp does not compile"
record "-s cfi -f" ./throws
right 1000 20

# A module that is unloaded: said, and what stands at its place afterwards is looked up anew.
for n in 1 2; do
    printf '#include <stdlib.h>\nvoid *leak%d(void);\nvoid *leak(void) { %s void *p = malloc(%d); return p; }\n' \
        "$n" "$([[ $n == 2 ]] && echo 'volatile char big[4096]; big[5] = 1;')" "$n" >part.c
    "$CC" -O1 -fno-builtin -shared -fPIC part.c -o part$n.so || fail "part.c does not compile"
done
compile loads -ldl <<'C'
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    for (int i = 0; i < 40; i++) {
        void *part = dlopen(i % 2 ? "./part1.so" : "./part2.so", RTLD_NOW);
        void *(*leak)(void) = part ? (void *(*)(void))dlsym(part, "leak") : NULL;
        if (!leak) return 1;
        for (int j = 0; j < 3; j++) free(leak());
        dlclose(part);
    }
    return 0;
}
C
record "-s cfi -f" ./loads
right 40 40
is modules_gone 40
at_least modules 42

# Frame pointers and depth; and programs as they are.
compile chain -fno-omit-frame-pointer -fno-optimize-sibling-calls -fno-inline <<'C'
#include <stdlib.h>
static int c(void) { free(malloc(8)); return 1; }
static int b(void) { return c() + 1; }
static int a(void) { return b() + 1; }
int main(void) { return a() != 3; }
C
record "-s fp -v" ./chain
grep -qE '^stack [0-9]+( [0-9a-f]+){4}' out || fail "no chain of four by frame pointers"
real() { # MEMO PROGRAM...
    command -v "$2" >/dev/null || return 0
    local memo=$1
    shift
    record "-s cfi -f" "$@"
    right "$memo" 100
}
export PYTHONMALLOC=malloc
real 10000 /usr/bin/python3 -c 'import json
print(len(json.dumps([{"a": [i, str(i)]} for i in range(3000)])))'
real 1000 perl -e '$h{$_} = [$_] for 1 .. 3000; print scalar keys %h'
real 1000 sqlite3 :memory: "create table t(a, b); with recursive c(x) as (select 1 union all select
    x + 1 from c where x < 2000) insert into t select x, hex(x) from c; create index i on t(b);
    delete from t where a % 3 = 0; select count(*) from t;"
finish
