/* A program that calls malloc: exit 0 = what it gets is poolkit's, in the main thread, in another one
 * and in a forked child. */
#include <poolkit/heap.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures_of_malloc(void)
{
    int failures = 0;
    for (size_t n = 1; n < 4 << 20; n = n * 3 + 1) {
        char *p = malloc(n);
        failures += p == NULL || pk_heap_of(p) != pk_heap_process();
        char *larger = p != NULL ? realloc(memset(p, 7, n), n + n / 2 + 1) : NULL;
        failures += larger == NULL || larger[n - 1] != 7;
        free(larger);
    }
    char *copy = strdup("from the C library");
    failures += copy == NULL || pk_heap_of(copy) != pk_heap_process();
    free(copy);
    return failures;
}

static void *in_thread(void *failures)
{
    *(int *)failures = failures_of_malloc();
    return NULL;
}

int main(void)
{
    int failures = failures_of_malloc(), others = 1, status = 1;
    pthread_t thread;
    if (pthread_create(&thread, NULL, in_thread, &others) != 0) return 1;
    pthread_join(thread, NULL);
    pid_t child = fork();
    if (child == 0) _exit(failures_of_malloc() != 0);
    if (child < 0 || waitpid(child, &status, 0) != child) return 1;
    return failures + others + status != 0;
}
