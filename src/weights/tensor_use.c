/* tensor_use.c - keeps which tensors of a file parameters are made of. */
#include "weights/tensor_use.h"

#include "base/memory.h"

cadre_status tensor_use_add(tensor_use *use, const uint8_t *begin)
{
    enum { FIRST = 256 };
    if (use->count == use->room) {
        size_t room = use->room ? 2 * use->room : FIRST;
        const uint8_t **data = mem_resize(use->data, use->room, room, sizeof *data);
        if (!data) return CADRE_ENOMEM;
        use->data = data;
        use->room = room;
    }
    use->data[use->count++] = begin;
    return CADRE_OK;
}

void tensor_use_free(tensor_use *use)
{
    mem_free(use->data);
    *use = (tensor_use){ 0 };
}
