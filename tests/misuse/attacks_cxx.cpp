/* SPDX-License-Identifier: MIT
 * attacks_cxx.cpp: delete of what new did not give so. */
#define _Noreturn [[noreturn]]
#include <new>

#include "attack.h"

#pragma GCC diagnostic ignored "-Wuse-after-free"

namespace
{

void delete_twice(size_t size)
{
    void *p = unknown(::operator new(size)), *q = unknown(::operator new(size));
    ::operator delete(p);
    ::operator delete(q);
    ::operator delete(unknown(p));
    look_for_harm(size);
}

void sized_delete_twice(size_t size)
{
    void *p = unknown(::operator new(size)), *q = unknown(::operator new(size));
    ::operator delete(p, size);
    ::operator delete(q, size);
    ::operator delete(unknown(p), size);
    look_for_harm(size);
}

void delete_of_another_size(size_t size)
{
    void *p = unknown(::operator new(size)), *q = unknown(::operator new(size));
    keep_in_use(q, size);
    ::operator delete(p, size * 4);
    look_for_harm(size);
    look_for_harm(size * 4);
}

void delete_inside(size_t size)
{
    char *p = static_cast<char *>(unknown(::operator new[](size)));
    keep_in_use(p, size);
    ::operator delete[](unknown(p + 16));
    look_for_harm(size);
}

void delete_of_the_stack(size_t size)
{
    alignas(64) char memory[4096] = {};
    never_hand_out(memory, sizeof memory);
    ::operator delete(unknown(memory + 64));
    look_for_harm(size);
}

} // namespace

const attack attacks_cxx[] = {
    {"delete twice", "double free", delete_twice},
    {"sized delete twice", "double free", sized_delete_twice},
    {"sized delete of another size", "interior", delete_of_another_size},
    {"delete inside an array", "interior", delete_inside},
    {"delete of the stack", "foreign", delete_of_the_stack},
    {nullptr, nullptr, nullptr},
};
