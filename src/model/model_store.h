/* model_store.h - a model's expert store, as large as the memory that it was opened with allows. */
#ifndef CADRE_MODEL_MODEL_STORE_H
#define CADRE_MODEL_MODEL_STORE_H

#include "store/expert_store.h"

typedef struct model_store {
    expert_records records;   /* of this stack; an encoder has its own */
    expert_store *experts;    /* NULL: all experts are in memory or in a mapped file */
    int64_t memory, resident; /* what weights may take; what those take that are no experts */
    store_size size;
} model_store;

typedef struct store_room {
    int64_t memory, resident;
    int64_t relaid; /* of what is resident: experts that no file has as kernels read them, */
    const char *as; /* and how it has them; NULL: there are none */
} store_room;

/* Refuses less memory than what is resident and the experts of one token take. */
cadre_status model_store_open(const weight_file *file, const store_stack *stacks, int count,
    const store_room *room, model_store *s);
void model_store_close(model_store *s);

#endif
