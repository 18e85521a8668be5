/* shared_file.c - rank 0 makes the file and tells the ending of its name, and each rank tells
 * whether it could open that file. */
#include "base/shared_file.h"

#include "base/memory.h"

/* Makes the file on rank 0 and joins it on the others. There *w stays NULL if that fails, which is
 * no error. */
static cadre_status open_own(comm *ranks, const char *path, file_writer **w)
{
    file_ending ending = { { 0 } };
    if (ranks->rank == 0) CADRE_TRY(file_writer_open_shared(path, w, &ending));
    comm_broadcast(ranks, &ending, sizeof ending, 0);
    CADRE_TRY(comm_status(ranks));
    if (ranks->rank == 0) return CADRE_OK;
    return file_writer_join(path, &ending, w) == CADRE_ENOMEM ? CADRE_ENOMEM : CADRE_OK;
}

static cadre_status find_blind(comm *ranks, bool own, int *blind)
{
    bool *joined = MEM_ARRAY(bool, ranks->size);
    if (!joined) return CADRE_ENOMEM;
    comm_all_gather(ranks, &own, sizeof own, joined);
    *blind = -1;
    for (int i = ranks->size; i-- > 0;)
        if (!joined[i]) *blind = i;
    mem_free(joined);
    return comm_status(ranks);
}

cadre_status shared_file_open(comm *ranks, const char *path, file_writer **writer, int *blind)
{
    file_writer *w = NULL;
    cadre_status status = open_own(ranks, path, &w);
    if (status == CADRE_OK) status = find_blind(ranks, w != NULL, blind);
    bool keeps = status == CADRE_OK && (*blind < 0 || ranks->rank == 0);
    if (!keeps) {
        file_writer_discard(w);
        w = NULL;
    }
    *writer = w;
    return status;
}
