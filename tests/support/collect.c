/* collect.c - reads all of an array at once. */
#include "support/collect.h"

cadre_status collect_array(trainer *t, int which, real *whole)
{
    trainer_reader *reader;
    param_table table;
    if (!whole) return trainer_answer(t);
    cadre_status status = trainer_array_table(t, which, &table);
    if (status != CADRE_OK) return status;
    status = trainer_reader_open(t, 0, &reader);
    if (status == CADRE_OK) {
        status = trainer_reader_read(reader, which, 0, table.elements, whole);
        trainer_reader_close(reader);
    }
    param_table_free(&table);
    return status;
}
