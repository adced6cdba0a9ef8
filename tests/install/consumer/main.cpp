#include <cstring>
#include <poolkit/poolkit.h>

int main()
{
    void *block = pk_heap_alloc(pk_heap_process(), 100);
    if (!block) return 1;
    std::memset(block, 1, 100);
    pk_heap_free(block);
    return std::strlen(pk_version()) == 0;
}
