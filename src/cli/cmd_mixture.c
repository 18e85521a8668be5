/* cmd_mixture.c - `cadre mixture`: fits local experts to tables, and predicts with them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/print.h"
#include "cli/progress.h"

/* ---- numbers in JSON and CSV, in the fewest digits that read back ---- */

enum { DIGITS = 40 };

static const char *digits_of(double value, char text[DIGITS])
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, DIGITS, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    return text;
}

static void put_json_real(double value)
{
    char text[DIGITS];
    fputs(isfinite(value) ? digits_of(value, text) : "null", stdout);
}

static void put_json_reals(const char *key, const double *values, int64_t count)
{
    printf(",\"%s\":[", key);
    for (int64_t i = 0; i < count; i++) {
        if (i) putchar(',');
        put_json_real(values[i]);
    }
    putchar(']');
}

/* ---- fit ---- */

typedef struct watch {
    const invocation *call;
    progress line;
    double first;
} watch;

static void print_iteration(const cadre_mixture_progress *p)
{
    printf("{\"iteration\":%lld,\"log_likelihood\":", (long long)p->iteration);
    put_json_real(p->log_likelihood);
    if (!isnan(p->loss)) {
        fputs(",\"loss\":", stdout);
        put_json_real(p->loss);
    }
    puts("}");
    fflush(stdout);
}

static void show_iteration(void *arg, const cadre_mixture_progress *p)
{
    watch *w = arg;
    if (!p->iteration) w->first = p->log_likelihood;
    if (w->call->json) print_iteration(p);
    else if (progress_due(&w->line))
        progress_draw(&w->line, (double)p->iteration / (double)(p->iterations + 1),
            "iteration %lld of %lld  log-likelihood %.6g", (long long)p->iteration,
            (long long)p->iterations, p->log_likelihood);
}

static void put_columns(
    print_table *t, const char *name, const cadre_mixture *m, int64_t first, int64_t count)
{
    char list[128] = "";
    for (int64_t i = 0; i < count && strlen(list) < sizeof list - 40; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%.30s", i ? ", " : "",
            cadre_mixture_column(m, first + i));
    print_row(t, name, "%s", list);
}

static int print_fit(const watch *w, const cadre_mixture *m)
{
    char name[64];
    cadre_mixture_info info = { .size = sizeof info };
    cadre_mixture_info_get(m, &info);
    print_table *t = print_table_begin("ll");
    print_row(t, "rows", "%lld", (long long)info.rows);
    put_columns(t, "inputs", m, 0, info.inputs);
    put_columns(t, info.classify ? "classes of" : "targets", m, info.inputs, info.targets);
    print_row(t, "parameters", "%lld", (long long)info.parameters);
    print_row(t, "log-likelihood", "%.6g, at first %.6g", info.log_likelihood, w->first);
    for (int64_t i = 0; i < info.experts; i++) {
        if (info.groups)
            snprintf(name, sizeof name, "expert %lld.%lld",
                (long long)(i / (info.experts / info.groups)),
                (long long)(i % (info.experts / info.groups)));
        else snprintf(name, sizeof name, "expert %lld", (long long)i);
        print_row(t, name, "%.1f %% of the rows", 100 * cadre_mixture_share(m, i));
    }
    return print_table_end(t);
}

static int fit(const invocation *call)
{
    cadre_mixture *m;
    watch w = { .call = call };
    const char *out = cadre_options_text(call->options, "out", 0);
    if (!out) return complain_usage(NULL, "mixture fit: --out: expected a folder, found nothing");
    w.line = progress_begin(call);
    cadre_status status =
        cadre_mixture_fit(call->operands[1], call->options, show_iteration, &w, &m);
    progress_wipe(&w.line);
    if (status != CADRE_OK) return complain_status(status);
    int exit_code = call->json ? EXIT_DONE : print_fit(&w, m);
    cadre_mixture_free(m);
    fflush(stdout);
    if (exit_code == EXIT_DONE) progress_note(call, "written to %s", out);
    return exit_code;
}

/* ---- predict ---- */

typedef struct answers {
    const cadre_mixture *mixture;
    cadre_mixture_info info;
} answers;

static void print_object(void *arg, const cadre_mixture_prediction *p)
{
    const answers *a = arg;
    printf("{\"row\":%lld", (long long)p->row);
    if (p->best >= 0) printf(",\"class\":%lld", (long long)p->best);
    put_json_reals("prediction", p->output, a->info.outputs);
    put_json_reals("gate", p->gate, a->info.experts);
    puts("}");
}

/* Writes a name, in quotes if it needs them. */
static void put_name(const char *name)
{
    bool quoted = strpbrk(name, ",\"\r\n") || *name == ' ' || *name == '\t';
    if (quoted) putchar('"');
    for (; *name; name++) {
        if (*name == '"') putchar('"');
        putchar(*name);
    }
    if (quoted) putchar('"');
}

static void print_names(const answers *a)
{
    int64_t columns = a->info.inputs + (a->info.classify ? 0 : a->info.targets);
    for (int64_t i = 0; i < columns; i++) {
        if (i) putchar(',');
        put_name(cadre_mixture_column(a->mixture, i));
    }
    if (a->info.classify) fputs(",class", stdout);
    for (int64_t i = 0; a->info.classify && i < a->info.outputs; i++)
        printf(",p%lld", (long long)i);
    putchar('\n');
}

static void put_cell(double value, bool first)
{
    char text[DIGITS];
    if (!first) putchar(',');
    fputs(digits_of(value, text), stdout);
}

static void print_line(void *arg, const cadre_mixture_prediction *p)
{
    const answers *a = arg;
    if (!p->row) print_names(a);
    for (int64_t i = 0; i < a->info.inputs; i++) put_cell(p->input[i], !i);
    if (p->best >= 0) put_cell((double)p->best, false);
    for (int64_t i = 0; i < a->info.outputs; i++) put_cell(p->output[i], false);
    putchar('\n');
}

static const char *given_in_vain(const cadre_options *options)
{
    const cadre_option_table table = cadre_mixture_options();
    for (int i = 0; i < table.count; i++)
        if (cadre_options_given(options, table.rows[i].name)) return table.rows[i].name;
    return NULL;
}

static int predict(const invocation *call)
{
    cadre_mixture *m;
    const char *in_vain = given_in_vain(call->options);
    if (in_vain)
        return complain_usage("it is for mixture fit",
            "mixture predict: --%s: expected no value, because nothing uses it here, found one",
            in_vain);
    cadre_status status = cadre_mixture_open(call->operands[1], &m);
    if (status != CADRE_OK) return complain_status(status);
    answers a = { .mixture = m, .info = { .size = sizeof a.info } };
    cadre_mixture_info_get(m, &a.info);
    status =
        cadre_mixture_predict(m, call->operands[2], call->json ? print_object : print_line, &a);
    cadre_mixture_free(m);
    return status == CADRE_OK ? EXIT_DONE : complain_status(status);
}

/* ---- the two uses ---- */

static const char *const words[] = { "fit", "predict", NULL };

static const char *word_at(int i) { return words[i]; }

static int run_mixture(const invocation *call)
{
    const char *what = call->operands[0];
    bool fits = !strcmp(what, "fit"), predicts = !strcmp(what, "predict");
    int operands = fits ? 2 : 3;
    if (!fits && !predicts) {
        const char *meant = cadre_nearest(what, words, 2);
        char advice[64];
        if (meant) snprintf(advice, sizeof advice, "did you mean '%s'?", meant);
        return complain_usage(
            meant ? advice : NULL, "mixture: expected fit or predict, found '%s'", what);
    }
    if (call->operand_count < operands)
        return complain_usage(fits ? "usage: cadre mixture fit DATA.csv --target COLUMNS --out DIR"
                                   : "usage: cadre mixture predict DIR DATA.csv",
            "mixture %s: expected %s, found fewer", what,
            fits ? "a table" : "a folder and a table");
    if (call->operand_count > operands)
        return complain_usage(NULL, "mixture %s: expected no more arguments, found '%s'", what,
            call->operands[operands]);
    return fits ? fit(call) : predict(call);
}

static const char *seedless(const invocation *call)
{
    if (!strcmp(call->operands[0], "predict")) return SEEDLESS;
    return cadre_options_count(call->options, "init") ? "the parameters begin as --init has them"
                                                      : NULL;
}

const command command_mixture = {
    .name = "mixture",
    .summary = "fit local experts on a table of numbers, and predict with them",
    .operands = "fit|predict [DIR] DATA.csv",
    .least = 1,
    .most = 3,
    .operand_word = word_at,
    .description =
        "This is the mixture of experts as it was in 1991: all experts answer each row, and a gate "
        "says how much each answer counts. DATA.csv has a line of names, then rows of numbers.\n\n"
        "'fit DATA.csv --target COLUMNS --out DIR' fits a mixture and writes it to a folder, which "
        "'cadre report' draws. --method em solves for experts and gates in turn, and the "
        "likelihood never falls; gradient, competitive and cooperative each descend a loss. With "
        "--json, there is a line for each iteration with log_likelihood, and with loss where there "
        "is one; the first line comes before any iteration.\n\n"
        "'predict DIR DATA.csv' prints a table of the inputs, followed by a column for each "
        "target, or by the most probable class and the probability of each. The table may have "
        "other columns too. With --json, there is a line for each row, which also says each "
        "expert's share.",
    .tables = { cadre_mixture_options },
    .examples = LINES("three experts by expectation-maximisation",
        "cadre mixture fit curve.csv --target y --experts 3 --out curve",
        "what they say of other rows", "cadre mixture predict curve other.csv",
        "who answers where, as a page", "cadre report curve --out curve.html",
        "two groups of two experts, of classes",
        "cadre mixture fit flowers.csv --target kind --classify --levels 2,2 --out flowers"),
    .stops = true,
    .seedless_if = seedless,
    .run = run_mixture,
};
