/* cmd_report.c - `cadre report`: draws the web page of a training run or of recorded routes. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/print.h"
#include "cli/progress.h"

static const cadre_option rows[] = {
    { .name = "out",
        .kind = CADRE_OPTION_PATH,
        .value = "FILE",
        .subject = "Output",
        .help = "page to write (default: report.html in the run's folder, or beside the recording; "
                "compare.html in the first of two)" },
};

/* The default page: report.html in RUN if that is a folder, RUN.html beside it if it is a file; for
 * two runs, compare.html in the first. */
static char *default_page(const char *run, bool two)
{
    struct stat st;
    char *page = NULL;
    bool folder = stat(run, &st) == 0 && S_ISDIR(st.st_mode);
    return asprintf(&page,
               !folder ? "%s.html"
               : two   ? "%s/compare.html"
                       : "%s/report.html",
               run) < 0
               ? NULL
               : page;
}

static int write_report(const invocation *call, const char *page)
{
    cadre_status status = call->operand_count > 1
                              ? cadre_report_compare(call->operands[0], call->operands[1], page)
                              : cadre_report_write(call->operands[0], page);
    if (status != CADRE_OK) return complain_status(status);
    if (call->json) return print_json(json_pack("{s:s}", "report", page));
    progress_note(call, "written to %s", page);
    return EXIT_DONE;
}

static int run_report(const invocation *call)
{
    const char *out = cadre_options_text(call->options, "out", 0);
    if (out) return write_report(call, out);
    char *page = default_page(call->operands[0], call->operand_count > 1);
    int exit_code = page ? write_report(call, page) : complain_world("out of memory");
    free(page);
    return exit_code;
}

const command command_report = {
    .name = "report",
    .summary = "draw a training run, recorded routes or a mixture as a web page",
    .operands = "RUN [RUN]",
    .least = 1,
    .most = 2,
    .description =
        "RUN is the folder that 'cadre train' or 'cadre mixture fit' wrote, or a file of "
        "'cadre generate --routes'. The page is one file that opens without a network. It "
        "shows the loss, the load of every expert, which expert took which domain and which "
        "tokens, the balance over time, which experts are picked together, and a text in which "
        "each token has the colour of its first expert. For two runs, it shows what differs "
        "between them.",
    .own = ROWS(rows),
    .examples = LINES("the page of a run", "cadre report runs/first --out first.html",
        "two runs side by side", "cadre report runs/first runs/second --out both.html"),
    .seedless = SEEDLESS,
    .run = run_report,
};
