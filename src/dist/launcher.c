/* launcher.c - reads the environment variables that launchers set, and finds the plug-in.
 *
 * Joining with the wrong MPI does not fail: each process is then alone, as rank 0 of 1. Therefore
 * the number of ranks is compared with the launcher's. */
#define _GNU_SOURCE
#include "dist/launcher.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/machine.h"
#include "base/memory.h"

typedef struct flavour {
    const char *name, *title, *package;
    const char *size, *rank, *local_size; /* environment variables; local_size may be NULL */
} flavour;

/* THE LIST of launchers' variables: mpirun of Open MPI; srun with PMIx, which Open MPI joins;
 * mpirun of MPICH and of others with its interface. */
static const flavour flavours[] = {
    { "openmpi", "Open MPI", "libopenmpi-dev", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_LOCAL_SIZE" },
    { "openmpi", "Open MPI", "libopenmpi-dev", "SLURM_NTASKS", "PMIX_RANK", NULL },
    { "mpich", "MPICH", "libmpich-dev", "PMI_SIZE", "PMI_RANK", "MPI_LOCALNRANKS" },
};
enum { FLAVOURS = sizeof flavours / sizeof *flavours };

static int number_from(const char *variable, int fallback)
{
    const char *text = variable ? getenv(variable) : NULL;
    char *end;
    long value = text ? strtol(text, &end, 10) : -1;
    return value < 0 || value > 1 << 20 || *end ? fallback : (int)value;
}

launch launch_of_environment(void)
{
    for (int i = 0; i < FLAVOURS; i++) {
        const flavour *f = &flavours[i];
        int size = number_from(f->size, -1), rank = number_from(f->rank, -1);
        if (size > 1 && rank >= 0 && rank < size)
            return (launch){ f->name, rank, size, number_from(f->local_size, 0) };
    }
    return (launch){ NULL, 0, 1, 1 };
}

static const flavour *flavour_of(const launch *l)
{
    int i = 0;
    while (i < FLAVOURS - 1 && strcmp(flavours[i].name, l->flavour) != 0) i++;
    return &flavours[i];
}

/* ---- the plug-in ---- */

#ifndef CADRE_MULTIARCH
    #define CADRE_MULTIARCH "."
#endif

/* The plug-in lies beside the program or library in a build tree, and in its own folder if
 * installed. */
static const char *const folders[] = { ".", "cadre", "../lib/cadre",
    "../lib/" CADRE_MULTIARCH "/cadre", "../lib64/cadre" };

static char *find_plugin(const char *flavour_name)
{
    char *own, *path = NULL;
    if (machine_own_folder(&own) != CADRE_OK) return NULL;
    for (size_t i = 0; i < sizeof folders / sizeof *folders && !path; i++) {
        path = mem_printf("%s/%s/cadre-mpi-%s.so", own, folders[i], flavour_name);
        if (path && !file_bytes(path)) {
            mem_free(path);
            path = NULL;
        }
    }
    mem_free(own);
    return path;
}

static cadre_status refuse_missing(const flavour *f, int size)
{
    cadre_fail(CADRE_EUNSUPPORTED, NULL,
        "expected cadre-mpi-%s.so beside cadre, to be one of the %d ranks that %s started, found "
        "none",
        f->name, size, f->title);
    cadre_fail_advice(
        "on Debian: apt-get install %s, and build cadre again with 'make MPI=1'", f->package);
    return CADRE_EUNSUPPORTED;
}

static cadre_status open_plugin(const flavour *f, int size, transport_join **join)
{
    char *path = find_plugin(f->name);
    if (!path) return refuse_missing(f, size);
    /* UCX, below MPICH, would print a stack trace when another rank is killed. */
    setenv("UCX_HANDLE_ERRORS", "none", 0);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *found = library ? dlsym(library, TRANSPORT_JOIN_NAME) : NULL;
    cadre_status status = CADRE_OK;
    if (!library) status = cadre_fail(CADRE_EUNSUPPORTED, path, "%s", dlerror());
    else if (!found)
        status = cadre_fail(
            CADRE_EMISMATCH, path, "expected the plug-in of this version of cadre, found another");
    /* C has no cast from an object pointer to a function pointer */
    memcpy(join, &found, sizeof found);
    mem_free(path);
    return status;
}

static cadre_status check_size(const flavour *f, const launch *l, const transport *t)
{
    if (t->size == l->size && t->rank == l->rank) return CADRE_OK;
    cadre_fail(CADRE_EMISMATCH, NULL,
        "expected to be rank %d of %d, as the launcher says, found that %s says rank %d of %d",
        l->rank, l->size, f->title, t->rank, t->size);
    cadre_fail_advice("'mpirun.openmpi' and 'mpirun.mpich' each start processes of their own MPI");
    return CADRE_EMISMATCH;
}

/* The plug-in is never closed, because MPI's threads and handlers run in it. */
cadre_status launch_join(const launch *l, transport *t)
{
    const flavour *f = flavour_of(l);
    transport_join *join;
    char error[256] = "";
    CADRE_TRY(open_plugin(f, l->size, &join));
    if (join(t, error, (int)sizeof error))
        return cadre_fail(CADRE_EIO, NULL, "%s did not start: %s", f->title, error);
    return check_size(f, l, t);
}
