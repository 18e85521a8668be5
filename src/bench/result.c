/* result.c - begins and ends the line of a benchmark. */
#include "bench/result.h"

json_writer result_new(void)
{
    json_writer w = json_writer_new(0);
    json_put_object(&w, NULL);
    return w;
}

cadre_status result_put(json_writer *w, cadre_line_listener line, void *arg)
{
    json_put_close(w, '}');
    cadre_status status = json_writer_status(w);
    if (status == CADRE_OK) line(arg, w->text.data);
    json_writer_free(w);
    return status;
}
