/* SPDX-License-Identifier: MIT
 * limits.c: which memory is surely the thread's stack. A wrong answer would crash the program.
 *
 * Asking the C library will not do: pthread_getattr_np allocates and takes a lock that the very
 * call that is being recorded may hold. Instead:
 *
 * The first thread: its stack ends where the dynamic linker says, and the kernel keeps everything
 * free below it as far as it may grow. So a frame within that reach is in the stack, and all above
 * is mapped, as a stack grows without gaps.
 *
 * Other threads: the thread's control block is at the upper end of its stack, whoever made the
 * stack. Downwards from there pages are asked for, one by one and each once, as far as the frame;
 * a page that cannot be read (the guard) is the end of the stack for ever.
 */
#include "stacks.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096u
#define REACH ((uintptr_t)64 << 20) /* less than the gap that every kernel keeps below a stack */

extern void *__libc_stack_end; /* the dynamic linker's */

_Thread_local struct pki_limits pki_limits;

/* The kernel looks at the set before it refuses the operation; nothing is changed. */
static bool readable(uintptr_t page)
{
    return syscall(SYS_rt_sigprocmask, -1, page, NULL, (size_t)8) == -1 && errno != EFAULT;
}

static void find_limits(struct pki_limits *l)
{
    if (syscall(SYS_gettid) != syscall(SYS_getpid)) {
        l->top = (uintptr_t)pthread_self();
        l->low = l->top & ~(uintptr_t)(PAGE - 1);
        return;
    }
    struct rlimit may = {0};
    getrlimit(RLIMIT_STACK, &may);
    l->top = (uintptr_t)__libc_stack_end;
    l->low = l->top - (may.rlim_cur < REACH ? (uintptr_t)may.rlim_cur : REACH);
    l->floor = l->low;
}

static bool extend(struct pki_limits *l, uintptr_t frame)
{
    int saved = errno;
    while (frame < l->low && frame >= l->floor) {
        if (readable(l->low - PAGE)) {
            l->low -= PAGE;
        } else {
            l->floor = l->low;
        }
    }
    errno = saved;
    return frame >= l->low;
}

uintptr_t pki_stack_top_unusual(uintptr_t frame)
{
    struct pki_limits *l = &pki_limits;
    if (l->top == 0) {
        find_limits(l);
    }
    return frame < l->top && extend(l, frame) ? l->top : 0;
}
