/* run_destinations.c - asks, before a run begins, whether what it is told to write can be written:
 * --out, --metrics, --watch, --tensorboard. What is made to find out is removed again. */
#include "base/destination.h"
#include "train/run.h"

/* The file may lie in a folder that the run makes. */
static cadre_status check_file(const train_run *r, const char *option)
{
    const char *path = cadre_options_text(r->options, option, 0),
               *board = cadre_options_text(r->options, "tensorboard", 0);
    if (!path || destination_comes_with(path, r->out)) return CADRE_OK;
    return board && destination_comes_with(path, board) ? CADRE_OK : destination_file(path);
}

cadre_status train_destinations_check(const train_run *r)
{
    const char *board = cadre_options_text(r->options, "tensorboard", 0);
    CADRE_TRY(destination_folder(r->out));
    CADRE_TRY(check_file(r, "metrics"));
    CADRE_TRY(check_file(r, "watch"));
    return board ? destination_folder(board) : CADRE_OK;
}
