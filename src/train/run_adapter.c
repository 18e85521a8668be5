/* run_adapter.c - a run that trains an adapter (LoRA). The model of --from is not changed, and its
 * weights keep the number formats of its file. */
#include <stdio.h>
#include <string.h>

#include "base/options.h"
#include "train/run.h"
#include "weights/unused_tensors.h"

/* ---- options ---- */

/* Refuses options that have no meaning without --adapter. */
static cadre_status refuse_without(const train_run *r)
{
    static const char *const own[] = { "rank", "alpha", "targets", "adapter-from" };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (cadre_options_given(r->options, own[i]))
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "--%s: expected --adapter lora beside it, found none", own[i]);
    return CADRE_OK;
}

static cadre_status differs(const char *name, const char *said, const char *found)
{
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "--%s: expected %s, as the adapter of --adapter-from has it, found %s", name, said, found);
}

/* Reads the rank, alpha and targets of --adapter-from; options that were given must agree with
 * them. */
static cadre_status read_folder(train_run *r, const char *folder)
{
    char text[40], targets[ADAPTER_TARGETS_TEXT];
    cadre_options *o = r->options;
    adapter_spec spec;
    unsigned wanted;
    CADRE_TRY(adapter_read_config(folder, &r->config, &spec));
    snprintf(text, sizeof text, "%lld", (long long)spec.rank);
    if (cadre_options_given(o, "rank") && cadre_options_int(o, "rank", 0) != spec.rank)
        return differs("rank", text, cadre_options_text(o, "rank", 0));
    CADRE_TRY(options_supply(o, "rank", text));
    snprintf(text, sizeof text, "%.15g", spec.alpha);
    if (cadre_options_given(o, "alpha") && cadre_options_real(o, "alpha") != spec.alpha)
        return differs("alpha", text, cadre_options_text(o, "alpha", 0));
    CADRE_TRY(options_supply(o, "alpha", text));
    adapter_targets_text(spec.targets, targets);
    if (cadre_options_given(o, "targets")) {
        CADRE_TRY(adapter_targets_parse(cadre_options_text(o, "targets", 0), &wanted));
        if (wanted != spec.targets)
            return differs("targets", targets, cadre_options_text(o, "targets", 0));
    }
    r->adapter_wanted = spec;
    return options_supply(o, "targets", targets);
}

static cadre_status read_options(train_run *r)
{
    cadre_options *o = r->options;
    CADRE_TRY(options_supply(o, "rank", "16"));
    CADRE_TRY(options_supply(o, "alpha", "32"));
    CADRE_TRY(options_supply(o, "targets", "q,k,v,o"));
    r->adapter_wanted.rank = cadre_options_int(o, "rank", 0);
    r->adapter_wanted.alpha = cadre_options_real(o, "alpha");
    return adapter_targets_parse(cadre_options_text(o, "targets", 0), &r->adapter_wanted.targets);
}

cadre_status train_adapter_read(train_run *r)
{
    r->adapts = cadre_options_count(r->options, "adapter") > 0;
    if (!r->adapts) return refuse_without(r);
    if (!r->from)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--adapter: expected --from, the model that the adapter is for, found none");
    const char *folder = cadre_options_text(r->options, "adapter-from", 0);
    return folder ? read_folder(r, folder) : read_options(r);
}

/* ---- the adapter, and the model beside it ---- */

/* The configuration with the architecture of the model's file */
static model_config stored_of(const train_run *r)
{
    model_config stored = r->config;
    stored.arch = r->read_as;
    return stored;
}

cadre_status train_adapter_make(train_run *r)
{
    adapter_free(&r->adapter);
    CADRE_TRY(adapter_make(&r->config, &r->adapter_wanted, &r->adapter));
    r->adapted.adapter = &r->adapter;
    r->settings.adapted = &r->adapted;
    return CADRE_OK;
}

int64_t train_adapter_base_bytes(const train_run *r)
{
    weight_file file;
    if (!r->adapts || weight_file_open(r->from, &file) != CADRE_OK) return 0;
    int64_t bytes = weight_file_bytes(&file);
    weight_file_close(&file);
    return bytes;
}

cadre_status train_adapter_open(train_run *r)
{
    const model_config stored = stored_of(r);
    const placement_options options = { 0 };
    tensor_use use = { 0 };
    CADRE_TRY(weight_file_open(r->from, &r->base_file));
    CADRE_TRY(param_table_make(&stored, &r->base));
    cadre_status status = placement_make(
        r->context->compute, &r->base_file, &stored, &r->base, &options, &use, &r->placement);
    if (status == CADRE_OK) status = unused_tensors_check(&use, &r->base_file, &stored);
    tensor_use_free(&use);
    r->adapted.table = &r->base;
    r->adapted.place = r->placement.place;
    if (status == CADRE_OK)
        train_note(r, "the adapter has %lld parameters; the model stays as it is",
            (long long)r->adapter.table.total);
    return status;
}

cadre_status train_adapter_start(const train_run *r, real *values)
{
    const char *folder = cadre_options_text(r->options, "adapter-from", 0);
    if (folder) return adapter_read_values(folder, &r->config, &r->adapter, values);
    adapter_initialise(&r->adapter, r->settings.seed, values);
    return CADRE_OK;
}

void train_adapter_close(train_run *r)
{
    placement_free(&r->placement);
    param_table_free(&r->base);
    weight_file_close(&r->base_file);
    adapter_free(&r->adapter);
}
