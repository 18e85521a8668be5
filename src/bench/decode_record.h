/* decode_record.h - which experts a benchmark's tokens took: for a recording, and to say how well a
 * store of experts could have done on them. */
#ifndef CADRE_BENCH_DECODE_RECORD_H
#define CADRE_BENCH_DECODE_RECORD_H

#include "infer/routes.h"

typedef struct decode_record {
    const cadre_model *model;
    route_log log;    /* of one step */
    route_file *file; /* NULL: none is wanted */
    int64_t steps, streams, done;
    int32_t *first; /* [S] experts of the sparse layers before each */
    int32_t *picks; /* [count] of all steps, numbered through all layers */
    int64_t count;
    store_stats before;    /* of the model's store */
    disk_measurement disk; /* before the steps and after them */
    double seconds;
} decode_record;

/* path NULL: no recording. The first `steps` steps are taken. */
cadre_status decode_record_open(
    decode_record *r, const cadre_model *model, const char *path, int64_t steps, int64_t streams);
/* Measures the disk of a model with a store; then the steps begin. */
cadre_status decode_record_begin(decode_record *r);
/* After a step, which decode_record.log watched. tokens [streams] */
cadre_status decode_record_step(decode_record *r, const int32_t *tokens);
/* Writes the recording and, of a model with a store, what it did, into the open object. */
cadre_status decode_record_end(decode_record *r, json_writer *w);
void decode_record_close(decode_record *r);

#endif
