/* ranks.h - several processes on one model: joining those that a launcher has started, and ending
 * together with them.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_RANKS_PUBLIC_H
#define CADRE_RANKS_PUBLIC_H

#include "cadre/context.h"
#include "cadre/options.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- ranks: processes that a launcher such as mpirun has started together ---- */

/* One of them. A process joins once. Open MPI and MPICH are known, each by a plug-in that lies
 * beside libcadre. A thread of its own answers the other ranks while this one computes. One thread
 * of the program at a time may use it, and none while a context that has joined it computes. */
typedef struct cadre_ranks cadre_ranks;

/* What the launcher says in the environment: whether it started several processes. Of one process
 * alone, rank 0 of 1. */
CADRE_API bool cadre_ranks_launched(int *rank, int *size);

/* Joins the others, and waits until they are there. Several processes must have been started. */
CADRE_API cadre_status cadre_ranks_join(cadre_ranks **ranks);
CADRE_API int cadre_ranks_rank(const cadre_ranks *ranks); /* from 0 */
CADRE_API int cadre_ranks_size(const cadre_ranks *ranks); /* how many there are */
/* The threads that this rank should use, its share of this machine's cores: those that this process
 * may use, divided by the ranks here unless each has been bound to its own. `note`: a sentence on
 * binding that costs speed, static; NULL: there is none */
CADRE_API int cadre_ranks_threads(const cadre_ranks *ranks, const char **note);

/* Sets how many seconds a rank may not answer before it ends the work of all; 0: any number */
CADRE_API void cadre_ranks_limit(cadre_ranks *ranks, double seconds);

/* Compares names and values [count] with those of the other ranks, which all call this. If they
 * differ, all get CADRE_EMISMATCH and a sentence that names the first difference. */
CADRE_API cadre_status cadre_ranks_compare(
    cadre_ranks *ranks, const char *const *names, const char *const *values, int count);
/* What tells whether two machines have the same model or data: the bytes of a file, or of all files
 * of a folder, and a hash of samples of them, as text. */
enum { CADRE_FILE_IDENTITY = 80 };
CADRE_API cadre_status cadre_file_identity(const char *path, char text[CADRE_FILE_IDENTITY]);

/* What is computed in the context is from now on computed by all ranks together, each of which
 * makes the same calls in the same order. `parallel`: "expert=2,data=4", whose product is the
 * number of ranks; NULL: the library chooses. ranks NULL: one process, for which `parallel` is
 * checked. The ranks must outlive the context. */
CADRE_API cadre_status cadre_context_join(
    cadre_context *context, cadre_ranks *ranks, const char *parallel);
/* Says which ranks have which experts of models that are opened in the context afterwards, where
 * ranks divide experts: `placement` "even" (as many neighbours each; NULL too), "balanced" (by how
 * much each was used) or "replicated" (also `replicas` further copies in each layer of those that
 * were used most; 0: one for each rank). `loads`: a recording of routes, or what earlier runs left
 * (cadre_model_keep_use), which rank 0 reads; NULL: what they left beside the model; "": that too,
 * or, where they left nothing, as if all had been used alike, for cadre_batcher_place to mend.
 * Results are the same. The texts must outlive the context. Fails for another word. */
CADRE_API cadre_status cadre_context_place(
    cadre_context *context, const char *placement, int replicas, const char *loads);
/* The i-th word for a placement, static; NULL behind the last. */
CADRE_API const char *cadre_placement_name(int i);
CADRE_API int cadre_context_rank(const cadre_context *context); /* 0 where it has not joined */
CADRE_API int cadre_context_size(const cadre_context *context); /* 1 where it has not joined */

/* The end of the program, which every rank calls, with its exit code and the sentence of its error
 * or "". Waits until all have called it, or do not answer. Returns the exit code of all together;
 * one rank gets in *print what it is to print, the others NULL. Borrowed until cadre_ranks_leave,
 * which must follow, and which ends the processes that do not answer. After a rank has failed,
 * memory that the library frees stays allocated until then, because MPI may still read it. */
CADRE_API int cadre_ranks_end(
    cadre_ranks *ranks, int exit_code, const char *sentence, const char **print);
CADRE_API void cadre_ranks_leave(cadre_ranks *ranks, int exit_code); /* frees; NULL is fine */

/* --parallel and --rank-timeout */
CADRE_API cadre_option_table cadre_ranks_options(void);

#ifdef __cplusplus
}
#endif
#endif
