/* cmd_simulate.c - `cadre simulate`: recorded routes, or loads of a run, on a cluster that is
 * modelled. */
#include "cli/command.h"
#include "cli/complain.h"
#include "cli/print.h"

static int print_one(const char *placement, const cadre_simulation *s)
{
    return print_json(json_pack("{s:i,s:s,s:o,s:o,s:o}", "ranks", s->ranks, "placement", placement,
        "load_max_over_mean", print_json_real(s->load_max_over_mean), "bytes_per_token",
        print_json_real(s->bytes_per_token), "seconds_per_token",
        print_json_real(s->seconds_per_token)));
}

static void put_row(print_table *t, const char *placement, const cadre_simulation *s)
{
    char text[PRINT_NUMBER];
    print_cell(t, "%s", placement);
    print_cell(t, "%.3f", s->load_max_over_mean);
    print_cell(t, "%s", print_bytes(s->bytes_per_token, text));
    print_cell(t, "%.3g ms", 1e3 * s->seconds_per_token);
}

static int print_placements(const char *const *name, const cadre_simulation *s, int count)
{
    print_table *t = print_table_begin("lrrr");
    print_cells(t, (const char *const[]){
                       "placement", "busiest rank / mean", "bytes a token", "time a token", NULL });
    for (int i = 0; i < count; i++) put_row(t, name[i], &s[i]);
    return print_table_end(t);
}

/* Every placement, so that they can be compared */
static int simulate_all(const invocation *call)
{
    enum { MOST = 8 };
    const char *placements[MOST];
    cadre_simulation s[MOST];
    int count = 0;
    for (int i = 0; i < MOST && cadre_placement_name(i); i++, count++) {
        placements[i] = cadre_placement_name(i);
        s[i].size = sizeof s[i];
        cadre_status status = cadre_options_set(call->options, "placement", placements[i]);
        if (status == CADRE_OK) status = cadre_simulate(call->operands[0], call->options, &s[i]);
        if (status != CADRE_OK) return complain_status(status);
    }
    return print_placements(placements, s, count);
}

static int run_simulate(const invocation *call)
{
    const char *placement = cadre_options_text(call->options, "placement", 0);
    cadre_simulation s = { .size = sizeof s };
    if (!call->json && !cadre_options_given(call->options, "placement")) return simulate_all(call);
    cadre_status status = cadre_simulate(call->operands[0], call->options, &s);
    if (status != CADRE_OK) return complain_status(status);
    return call->json ? print_one(placement, &s) : print_placements(&placement, &s, 1);
}

const command command_simulate = {
    .name = "simulate",
    .summary = "replay recorded routes, or a training run, on a modelled cluster",
    .operands = "RECORDING|RUN",
    .least = 1,
    .most = 1,
    .description = "The command replays routes that 'cadre generate --routes' has recorded, or the "
                   "steps of a training run (its folder, or its metrics). Each expert lies on a "
                   "rank, tokens pass through the layers --tokens at a time (of a run: a step's "
                   "together), and their rows travel to the experts and back. The command prints "
                   "how uneven the ranks' loads are, how many bytes travel, and how long the "
                   "sparse layers take with the links and memory that the options describe.\n\n"
                   "A placement by load, or with replicas of the busiest experts, is learnt on the "
                   "first half of the recording; every placement is measured on the second. "
                   "Without --placement, a table compares all three.",
    .tables = { cadre_simulate_options },
    .examples = LINES("64 experts on eight ranks, spread by load",
        "cadre simulate routes.jsonl --ranks 8 --placement balanced"),
    .seedless = SEEDLESS,
    .run = run_simulate,
};
