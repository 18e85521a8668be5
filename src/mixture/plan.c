/* plan.c - the table of a mixture's options, and checks of which go together. */
#include "mixture/plan.h"

#include <string.h>

#include "cadre/mixture.h"
#include "base/options.h"
#include "format/quote.h"

static const char *const methods[] = { "em", "gradient", "cooperative", "competitive", NULL };

static const cadre_option rows[] = {
    { .name = "target",
        .kind = CADRE_OPTION_TEXT,
        .value = "COLUMNS",
        .subject = "Table",
        .help = "columns to predict, separated by commas; all others are inputs" },
    { .name = "classify",
        .kind = CADRE_OPTION_FLAG,
        .subject = "Table",
        .help = "take the target as a class, 0, 1, 2 and so on" },
    { .name = "standardise",
        .kind = CADRE_OPTION_FLAG,
        .fallback = "yes",
        .subject = "Table",
        .help = "first scale columns, except for classes, to mean 0 and standard deviation 1; "
                "parameters and likelihoods are those of the scaled columns" },
    { .name = "experts",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = 4096,
        .value = "N",
        .subject = "Mixture",
        .help = "number of experts (default: 2)" },
    { .name = "levels",
        .kind = CADRE_OPTION_INTS,
        .min = 1,
        .max = 4096,
        .value = "G,K",
        .subject = "Mixture",
        .help = "a hierarchy in place of --experts: G groups of K experts" },
    { .name = "expert",
        .kind = CADRE_OPTION_CHOICE,
        .choices = OPTION_CHOICES("linear", "mlp"),
        .fallback = "linear",
        .subject = "Mixture",
        .help = "what an expert is: a linear map, or a network with one hidden layer of tanh units "
                "(mlp)" },
    { .name = "hidden",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = 65536,
        .value = "H",
        .subject = "Mixture",
        .help = "mlp: units of the hidden layer (default: 8)" },
    { .name = "gates",
        .kind = CADRE_OPTION_CHOICE,
        .choices = OPTION_CHOICES("shared", "task"),
        .fallback = "shared",
        .subject = "Mixture",
        .help = "gates: one for all targets, or one for each target, over the same experts" },
    { .name = "method",
        .kind = CADRE_OPTION_CHOICE,
        .choices = methods,
        .fallback = "em",
        .subject = "Fitting",
        .help = "how the mixture is fitted: by expectation-maximisation, or by gradient descent on "
                "one of three losses" },
    { .name = "iterations",
        .kind = CADRE_OPTION_INT,
        .min = 0,
        .max = 1e7,
        .fallback = "100",
        .value = "N",
        .subject = "Fitting",
        .help = "number of iterations; the fit does not stop earlier" },
    { .name = "lr",
        .kind = CADRE_OPTION_REAL,
        .min = 0,
        .max = 1e6,
        .value = "X",
        .subject = "Fitting",
        .help = "learning rate of gradient descent (default: 0.1)" },
    { .name = "init",
        .kind = CADRE_OPTION_PATH,
        .value = "FILE",
        .subject = "Fitting",
        .help = "safetensors file of the initial parameters (default: made from --seed)" },
    { .name = "out",
        .kind = CADRE_OPTION_PATH,
        .value = "DIR",
        .subject = "Output",
        .help = "folder that the mixture is written to" },
    { .name = "trace",
        .kind = CADRE_OPTION_PATH,
        .value = "FILE",
        .subject = "Output",
        .help =
            "safetensors file to write, with the parameters and likelihoods of every iteration" },
    { .name = "sample",
        .kind = CADRE_OPTION_INT,
        .min = 0,
        .max = 100000,
        .fallback = "300",
        .value = "N",
        .subject = "Output",
        .help = "rows of the table that the folder keeps for the report" },
};

cadre_option_table cadre_mixture_options(void) { return OPTION_TABLE(rows); }

const char *mixture_method_name(enum mixture_method method) { return methods[method]; }

cadre_status mixture_method_of(const char *file, const char *name, enum mixture_method *method)
{
    for (int i = 0; methods[i]; i++) {
        if (strcmp(methods[i], name) != 0) continue;
        *method = (enum mixture_method)i;
        return CADRE_OK;
    }
    return cadre_fail(CADRE_EFORMAT, file, "method: expected %s, %s, %s or %s, found '%s'",
        methods[0], methods[1], methods[2], methods[3], quote_text(name).text);
}

/* ---- reading options ---- */

static cadre_status read_experts(const cadre_options *o, mixture_shape *s)
{
    int levels = cadre_options_count(o, "levels");
    s->experts = options_int_or(o, "experts", 2);
    if (!levels) return CADRE_OK;
    if (cadre_options_given(o, "experts"))
        return cadre_fail(
            CADRE_EARGUMENT, "--levels", "expected no --experts beside it, which it multiplies to");
    if (levels != 2)
        return cadre_fail(CADRE_EARGUMENT, "--levels",
            "expected two numbers, of groups and of experts in each, found %d", levels);
    s->groups = cadre_options_int(o, "levels", 0);
    s->experts = s->groups * cadre_options_int(o, "levels", 1);
    return CADRE_OK;
}

static cadre_status read_networks(const cadre_options *o, mixture_shape *s)
{
    bool networks = !strcmp(cadre_options_text(o, "expert", 0), "mlp");
    if (networks) s->hidden = options_int_or(o, "hidden", 8);
    if (!networks && cadre_options_given(o, "hidden"))
        return cadre_fail(
            CADRE_EARGUMENT, "--hidden", "expected --expert mlp beside it, found linear");
    return CADRE_OK;
}

/* Each step of EM has a closed form or a convex problem. Where there is none, gradient descent must
 * be used. */
static cadre_status check_em(const cadre_options *o, const mixture_shape *s)
{
    cadre_status status = CADRE_OK;
    if (s->hidden)
        status = cadre_fail(CADRE_EARGUMENT, "--expert",
            "expected linear, which --method em can solve for, found mlp");
    if (s->task_gates)
        status =
            cadre_fail(CADRE_EARGUMENT, "--gates", "expected shared with --method em, found task");
    if (status != CADRE_OK)
        cadre_fail_advice("try --method %s", s->task_gates ? "cooperative" : "gradient");
    else if (cadre_options_given(o, "lr"))
        status = cadre_fail(
            CADRE_EARGUMENT, "--lr", "expected a --method by gradient beside it, found em");
    return status;
}

static cadre_status check_method(const cadre_options *o, const mixture_plan *p)
{
    const mixture_shape *s = &p->shape;
    if (p->method == METHOD_EM) return check_em(o, s);
    if (s->classify && p->method == METHOD_COOPERATIVE) {
        cadre_fail(CADRE_EARGUMENT, "--method",
            "expected another for classes, whose mixed probabilities are --method gradient's, "
            "found cooperative");
        return CADRE_EARGUMENT;
    }
    if (!s->task_gates) return CADRE_OK;
    if (p->method != METHOD_COOPERATIVE)
        return cadre_fail(CADRE_EARGUMENT, "--method",
            "expected cooperative with --gates task, found %s", mixture_method_name(p->method));
    if (s->groups)
        return cadre_fail(
            CADRE_EARGUMENT, "--gates", "expected shared in a hierarchy of --levels, found task");
    return CADRE_OK;
}

cadre_status mixture_plan_of(const cadre_options *o, mixture_plan *p)
{
    *p = (mixture_plan){ .iterations = cadre_options_int(o, "iterations", 0),
        .sample = cadre_options_int(o, "sample", 0),
        .rate = options_real_or(o, "lr", 0.1),
        .seed = (uint64_t)cadre_options_int(o, "seed", 0),
        .standardise = cadre_options_flag(o, "standardise"),
        .target = cadre_options_text(o, "target", 0),
        .init = cadre_options_text(o, "init", 0),
        .trace = cadre_options_text(o, "trace", 0),
        .out = cadre_options_text(o, "out", 0) };
    CADRE_TRY(mixture_method_of(NULL, cadre_options_text(o, "method", 0), &p->method));
    p->shape.classify = cadre_options_flag(o, "classify");
    p->shape.task_gates = !strcmp(cadre_options_text(o, "gates", 0), "task");
    p->shape.variance = p->method == METHOD_EM && !p->shape.classify;
    CADRE_TRY(read_experts(o, &p->shape));
    CADRE_TRY(read_networks(o, &p->shape));
    if (!p->target)
        return cadre_fail(CADRE_EARGUMENT, "--target", "expected a column to predict, found none");
    return check_method(o, p);
}
