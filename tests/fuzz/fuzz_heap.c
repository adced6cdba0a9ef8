/* SPDX-License-Identifier: MIT
 * fuzz_heap.c: any stream of heap calls against the model (support/heap_model.h). */
#include "heap_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    model_run(data, size);
    return 0;
}
