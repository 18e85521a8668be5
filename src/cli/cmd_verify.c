/* cmd_verify.c - `cadre verify`: checks that this program computes correctly on this machine. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/print.h"

typedef struct tally {
    print_table *table; /* NULL: JSON */
    json_t *checks;
    int passed, failed;
} tally;

static void take(void *arg, const cadre_verification *v)
{
    tally *t = arg;
    v->passed ? t->passed++ : t->failed++;
    if (t->table) {
        print_cell(t->table, "%s", v->passed ? "ok" : "FAILED");
        print_cells(t->table, (const char *const[]){ v->group, v->name, v->detail, NULL });
    } else {
        json_array_append_new(t->checks, json_pack("{s:s,s:s,s:b,s:s}", "group", v->group, "name",
                                             v->name, "passed", v->passed, "detail", v->detail));
    }
}

static int print_tally(const tally *t)
{
    if (!t->table)
        return print_json(json_pack(
            "{s:O,s:i,s:i}", "checks", t->checks, "passed", t->passed, "failed", t->failed));
    int exit_code = print_table_end(t->table);
    printf("%d passed, %d failed\n", t->passed, t->failed);
    return exit_code;
}

static int run_verify(const invocation *call)
{
    bool asked = cadre_options_count(call->options, "threads") > 0;
    int threads = asked ? (int)cadre_options_int(call->options, "threads", 0) : 0;
    tally t = { .table = call->json ? NULL : print_table_begin("llll"), .checks = json_array() };
    cadre_status status = cadre_verify(threads, take, &t);
    int exit_code = print_tally(&t);
    json_decref(t.checks);
    if (status != CADRE_OK) return complain_status(status);
    if (t.failed) return complain_world("%d of %d checks failed", t.failed, t.passed + t.failed);
    return exit_code;
}

const command command_verify = {
    .name = "verify",
    .summary = "check the installed program on this machine",
    .operands = "",
    .description =
        "The command checks reference numbers from the literature, compares gradients with central "
        "differences, and compares every kernel that this machine can run with the portable one. "
        "It prints a line for each check, and how many passed and failed.",
    .examples = LINES("after installing", "cadre verify"),
    .seedless = SEEDLESS,
    .run = run_verify,
};
