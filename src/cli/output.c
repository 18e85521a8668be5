/* output.c - shows the progress, the notes and the last line about a model that is written. */
#include "cli/output.h"

#include "cli/complain.h"
#include "cli/print.h"

static void listen_progress(void *arg, int64_t done, int64_t total)
{
    output_watch *w = arg;
    double share = total ? (double)done / (double)total : 1;
    if (progress_due(&w->line))
        progress_draw(&w->line, share, "%3.0f %% of %.1f GB", 100 * share, (double)total / 1e9);
}

static void listen_note(void *arg, const char *sentence)
{
    output_watch *w = arg;
    progress_wipe(&w->line);
    progress_note(w->call, "%s", sentence);
}

void output_watch_begin(const invocation *call, output_watch *w)
{
    *w = (output_watch){ call, progress_begin(call),
        { sizeof w->listener, listen_progress, listen_note, w } };
}

int output_watch_end(output_watch *w, cadre_status status, const char *out)
{
    progress_wipe(&w->line);
    if (status != CADRE_OK) return complain_status(status);
    if (w->call->json) return print_json(json_pack("{s:s}", "out", out));
    progress_note(w->call, "written to %s", out);
    return EXIT_DONE;
}
