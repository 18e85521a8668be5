/* cmd_simulate.c - `cadre simulate`: recorded routes on a cluster that is modelled. */
#include "cli/command.h"
#include "cli/complain.h"
#include "cli/print.h"

static int print_result(const invocation *call, const cadre_simulation *s)
{
    char text[PRINT_NUMBER];
    const char *placement = cadre_options_text(call->options, "placement", 0);
    if (call->json)
        return print_json(json_pack("{s:i,s:s,s:o,s:o,s:o}", "ranks", s->ranks, "placement",
            placement, "load_max_over_mean", print_json_real(s->load_max_over_mean),
            "bytes_per_token", print_json_real(s->bytes_per_token), "seconds_per_token",
            print_json_real(s->seconds_per_token)));
    print_table *t = print_table_begin("ll");
    print_row(t, "ranks", "%d", s->ranks);
    print_row(t, "placement", "%s", placement);
    print_row(t, "busiest rank / mean", "%.3f", s->load_max_over_mean);
    print_row(t, "bytes a token", "%s", print_bytes(s->bytes_per_token, text));
    print_row(t, "time a token", "%.3g ms", 1e3 * s->seconds_per_token);
    return print_table_end(t);
}

static int run_simulate(const invocation *call)
{
    cadre_simulation result = { .size = sizeof result };
    cadre_status status = cadre_simulate(call->operands[0], call->options, &result);
    return status == CADRE_OK ? print_result(call, &result) : complain_status(status);
}

const command command_simulate = {
    .name = "simulate",
    .summary = "replay recorded routes on a cluster that is modelled",
    .operands = "RECORDING",
    .least = 1,
    .most = 1,
    .description =
        "Replays routes that 'cadre generate --routes' has recorded: each expert lies on a rank, "
        "tokens pass the layers --tokens at a time, and their rows travel to the experts and "
        "back. Says how uneven the ranks' loads are, how many bytes travel, and how long the "
        "sparse layers take, with the link and memory that the options describe.\n\n"
        "A placement by load, or with replicas of the busiest experts, is learnt on the first "
        "half of the recording; every placement is measured on the second.",
    .tables = { cadre_simulate_options },
    .examples = LINES("64 experts on eight ranks, spread by load",
        "cadre simulate routes.jsonl --ranks 8 --placement balanced"),
    .run = run_simulate,
};
