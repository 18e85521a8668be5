/* comm_mpi.c - the plug-in that provides MPI as a transport. It is the only file that includes
 * mpi.h. It is compiled once for each installed MPI, because MPI libraries have no common binary
 * interface. It does not belong to the library and calls nothing in it. */
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#include "dist/transport.h"

typedef struct world {
    MPI_Comm channel[CHANNELS];
} world;

static void *requests_new(void *state, int slots)
{
    (void)state;
    MPI_Request *requests = malloc((size_t)slots * sizeof *requests);
    for (int i = 0; requests && i < slots; i++) requests[i] = MPI_REQUEST_NULL;
    return requests;
}

static void requests_free(void *state, void *requests)
{
    (void)state;
    free(requests);
}

static int send(
    void *state, const transport_address *to, const void *data, int bytes, void *requests, int slot)
{
    const world *w = state;
    return MPI_Isend(data, bytes, MPI_BYTE, to->rank, to->tag, w->channel[to->channel],
        (MPI_Request *)requests + slot);
}

static int receive(
    void *state, const transport_address *from, void *data, int bytes, void *requests, int slot)
{
    const world *w = state;
    int rank = from->rank == TRANSPORT_ANY ? MPI_ANY_SOURCE : from->rank;
    return MPI_Irecv(data, bytes, MPI_BYTE, rank, from->tag, w->channel[from->channel],
        (MPI_Request *)requests + slot);
}

static int requests_test(void *state, void *requests, int first, int count, int *done)
{
    (void)state;
    return MPI_Testall(count, (MPI_Request *)requests + first, done, MPI_STATUSES_IGNORE);
}

static void cancel(void *state, void *requests, int slot)
{
    MPI_Request *request = (MPI_Request *)requests + slot;
    (void)state;
    if (*request == MPI_REQUEST_NULL) return;
    MPI_Cancel(request);
    MPI_Request_free(request);
}

static int exchange(void *state, const transport_exchange *e)
{
    const world *w = state;
    return MPI_Alltoallv(e->send, e->send_bytes, e->send_first, MPI_BYTE, e->receive,
        e->receive_bytes, e->receive_first, MPI_BYTE, w->channel[CHANNEL_DATA]);
}

static void describe(void *state, int code, char *text, int size)
{
    char words[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    (void)state;
    MPI_Error_string(code, words, &length);
    words[strcspn(words, "\n")] = 0;
    strncpy(text, words, (size_t)size);
    text[size - 1] = 0;
}

static void leave(void *state)
{
    world *w = state;
    for (int i = 0; i < CHANNELS; i++) MPI_Comm_free(&w->channel[i]);
    MPI_Finalize();
    free(w);
}

static void end_all(void *state, int code)
{
    (void)state;
    MPI_Abort(MPI_COMM_WORLD, code);
}

static int open_channels(world *w)
{
    for (int i = 0; i < CHANNELS; i++) {
        int error = MPI_Comm_dup(MPI_COMM_WORLD, &w->channel[i]);
        if (!error) error = MPI_Comm_set_errhandler(w->channel[i], MPI_ERRORS_RETURN);
        if (error) return error;
    }
    return 0;
}

#ifdef OPEN_MPI
static const char name[] = "Open MPI";
#else
static const char name[] = "MPICH";
#endif

__attribute__((visibility("default"))) transport_join TRANSPORT_JOIN;

/* Two threads call MPI, but never at the same time. */
int TRANSPORT_JOIN(transport *t, char *error, int size)
{
    int given, code = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &given);
    world *w = malloc(sizeof *w);
    if (!code && w) code = open_channels(w);
    if (code || !w || given < MPI_THREAD_SERIALIZED) {
        if (code) describe(w, code, error, size);
        else
            strncpy(
                error, w ? "it allows only one thread to call it" : "out of memory", (size_t)size);
        free(w);
        return code ? code : 1;
    }
    *t = (transport){ name, w, 0, 1, requests_new, requests_free, send, receive, requests_test,
        cancel, exchange, describe, leave, end_all, true };
    MPI_Comm_rank(MPI_COMM_WORLD, &t->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &t->size);
    return 0;
}
