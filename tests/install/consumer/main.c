#include <poolkit/poolkit.h>
#include <string.h>

int main(void)
{
    pk_heap *heap;
    if (pk_heap_create(&heap, NULL) != PK_OK) return 1;
    char *text = pk_heap_alloc(heap, 100);
    if (!text) return 1;
    strcpy(text, pk_version());
    pk_heap_free(text);
    pk_heap_destroy(heap);
    return 0;
}
