/* out_of_memory_running_test.c - memory that runs out at every single allocation of what runs a
 * model for others: batchers, conversations, constraints, servers, models on a budget or with an
 * adapter, mixtures on tables, reports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cadre.h"
#include "base/file.h"
#include "base/memory.h"
#include "support/constructor.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

static cadre_context *context;
static cadre_model *model;
static char folder[256], adapter[256], mixture[256], page[256];
static int64_t budget;
static const int32_t prompt[] = { 5, 17, 3 };

static cadre_status make_batcher(void)
{
    const cadre_batcher_limits limits = {
        .size = sizeof limits, .slots = 2, .queue = 2, .context = 32
    };
    const cadre_request request = { .size = sizeof request,
        .tokens = prompt,
        .count = 3,
        .limit = 2,
        .logprobs = true,
        .top = 2,
        .routes = true,
        .load = true };
    cadre_batcher *b;
    int64_t id;
    CADRE_TRY(cadre_batcher_new(model, &limits, &b));
    cadre_status status = cadre_batcher_submit(b, &request, &id);
    cadre_batcher_free(b);
    return status;
}

static cadre_status make_conversation(void)
{
    cadre_chat *c;
    CADRE_TRY(cadre_chat_new(model, "chatml", 32, &c));
    cadre_status status = cadre_chat_add(c, "user", "hi", 2);
    cadre_chat_free(c);
    return status;
}

static cadre_status make_constraint(void)
{
    static const char schema[] = "{\"type\": \"object\", \"properties\": {\"a\": "
                                 "{\"type\": \"integer\"}}, \"required\": [\"a\"]}";
    cadre_constraint *c;
    cadre_status status = cadre_constraint_json(model, "x", schema, sizeof schema - 1, &c);
    if (status == CADRE_OK) cadre_constraint_free(c);
    return status;
}

static cadre_status make_stop(void)
{
    static const char *const texts[] = { "ab", "end" };
    cadre_stop *s;
    cadre_status status = cadre_stop_new(texts, 2, &s);
    if (status == CADRE_OK) cadre_stop_free(s);
    return status;
}

static cadre_status make_server(void)
{
    const cadre_server_options how = { .size = sizeof how };
    cadre_server *s;
    cadre_status status = cadre_server_new(context, folder, &how, &s);
    if (status == CADRE_OK) cadre_server_free(s);
    return status;
}

static cadre_status make_model(const char *path, int64_t memory, const char *with)
{
    const cadre_open_options how = { .size = sizeof how, .memory = memory, .adapter = with };
    cadre_model *m;
    cadre_status status = cadre_model_open_with(context, path, &how, &m);
    if (status == CADRE_OK) cadre_model_close(m);
    return status;
}
static cadre_status make_model_on_a_budget(void) { return make_model(folder, budget, NULL); }
static cadre_status make_adapted_model(void) { return make_model(folder, 0, adapter); }

static cadre_status make_mixture(void)
{
    cadre_mixture *m;
    cadre_status status = cadre_mixture_open(mixture, &m);
    if (status == CADRE_OK) cadre_mixture_free(m);
    return status;
}

static cadre_status make_report(void) { return cadre_report_write(folder, page); }
static cadre_status make_comparison(void) { return cadre_report_compare(folder, folder, page); }

static const constructor constructors[] = {
    { .name = "batcher", .make = make_batcher },
    { .name = "conversation", .make = make_conversation },
    { .name = "constraint", .make = make_constraint },
    { .name = "stop texts", .make = make_stop },
    { .name = "server", .make = make_server },
    { .name = "model on a budget",
        .make = make_model_on_a_budget,
        .elsewhere = true,
        .tries = true },
    { .name = "model with an adapter", .make = make_adapted_model, .tries = true },
    { .name = "mixture on tables", .make = make_mixture },
    { .name = "report", .make = make_report, .costly = true },
    { .name = "comparison of reports", .make = make_comparison, .costly = true },
};

static void every_allocation_may_fail(void **state)
{
    (void)state;
    constructors_may_fail(constructors, sizeof constructors / sizeof *constructors);
}

/* ---- what they are made of ---- */

static void fit_mixture(void)
{
    const cadre_option_table tables[] = { cadre_run_options(), cadre_mixture_options() };
    const char *csv = scratch_file("points.csv");
    char text[4096];
    int size = snprintf(text, sizeof text, "x,y\n");
    cadre_options *o;
    cadre_mixture *m;
    for (int i = 0; i < 100; i++)
        size += snprintf(text + size, sizeof text - (size_t)size, "%d,%d\n", i % 10,
            i % 10 < 5 ? i % 10 : -i % 7);
    succeeds(file_write(csv, text, (size_t)size));
    succeeds(cadre_options_new(tables, 2, &o));
    small_set(o, "target", "y");
    small_set(o, "iterations", "3");
    small_set(o, "out", mixture);
    succeeds(cadre_mixture_fit(csv, o, NULL, NULL, &m));
    cadre_mixture_free(m);
    cadre_options_free(o);
}

static void train_adapter(const char *data)
{
    cadre_options *o = small_options(NULL);
    small_set(o, "from", folder);
    small_set(o, "context", "16");
    small_set(o, "batch", "4");
    small_set(o, "adapter", "lora");
    small_set(o, "steps", "1");
    small_set(o, "data", data);
    small_set(o, "out", adapter);
    small_train(o, 1, CADRE_OK);
    cadre_options_free(o);
}

/* A byte less than all weights take */
static void find_budget(void)
{
    cadre_model_info info = { .size = sizeof info };
    cadre_model *m;
    succeeds(cadre_model_open(context, folder, &m));
    succeeds(cadre_model_info_get(m, &info));
    budget = info.weight_bytes - 1;
    cadre_model_close(m);
}

static int begin(void **state)
{
    (void)state;
    char data[256];
    snprintf(data, sizeof data, "%s", small_text("texts", 6000));
    snprintf(folder, sizeof folder, "%s", scratch_file("model"));
    snprintf(adapter, sizeof adapter, "%s", scratch_file("adapter"));
    snprintf(mixture, sizeof mixture, "%s", scratch_file("mixture"));
    snprintf(page, sizeof page, "%s", scratch_file("page.html"));
    small_model_make("64");
    succeeds(cadre_context_new(1, NULL, &context));
    train_adapter(data);
    fit_mixture();
    succeeds(cadre_model_open(context, folder, &model));
    find_budget();
    constructors_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    cadre_model_close(model);
    cadre_context_free(context);
    small_remove(folder);
    small_remove(adapter);
    small_remove(mixture);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_allocation_may_fail) };
    return cmocka_run_group_tests(tests, begin, end);
}
