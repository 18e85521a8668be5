/* same_run.c - what a checkpoint records of its run, and what may differ when the run is resumed.
 *
 * Options of the learning rate, of its schedule and of the run's length may change, with a note.
 * Where a run stores its files and how many threads it uses may change without one. Everything else
 * must be the same, including the texts and the model that the run started from. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/hash.h"
#include "format/json.h"
#include "format/json_writer.h"
#include "train/run.h"
#include "weights/weight_file.h"

static const char inputs_key[] = "inputs"; /* the data that was read, by size and hash */

static bool is_among(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(name, list[i])) return true;
    return false;
}

/* Whether an option may change without a note, because it does not change the steps. The files that
 * --data, --tokens and --from name are compared by content instead. */
static bool is_free(const char *name)
{
    static const char *const list[] = { "data", "tokens", "preference", "from", "adapter-from",
        "out", "resume", "metrics", "save-every", "threads", "dry-run", "keep", "override", "watch",
        "tensorboard", "validate-every", "validate-tokens", "recompute" };
    return is_among(name, list, sizeof list / sizeof *list);
}

/* Whether an option may change at a resumed step, with a note. */
static bool is_noted(const char *name)
{
    static const char *const list[] = { "steps", "minutes", "min-tokens", "max-minutes",
        "accumulate", "dtype", "lr", "min-lr-ratio", "warmup", "schedule", "clip", "router-lr",
        "patience", "skip-bad" };
    return is_among(name, list, sizeof list / sizeof *list);
}

/* Whether an option may change with --override: it changes neither the model nor the shapes of the
 * optimiser's states. */
static bool is_overridable(const char *name)
{
    static const char *const list[] = { "beta1", "beta2", "eps", "momentum", "weight-decay",
        "no-decay", "dropout", "aux-loss", "z-loss", "losses", "bias-update-rate", "compute" };
    return is_among(name, list, sizeof list / sizeof *list);
}

static bool may_change(const train_run *r, const char *name)
{
    return is_noted(name) ||
           (is_overridable(name) && options_flag_or(r->options, "override", false));
}

/* ---- writing ---- */

static void put_option(const cadre_options *o, const cadre_option *row, json_writer *w)
{
    int count = cadre_options_count(o, row->name);
    if (cadre_option_is_flag(row) && count < 2)
        json_put_bool(w, row->name, cadre_options_flag(o, row->name));
    else if (count == 1) json_put_string(w, row->name, cadre_options_text(o, row->name, 0));
    else if (count > 1) {
        json_put_array(w, row->name);
        for (int i = 0; i < count; i++)
            json_put_string(w, NULL, cadre_options_text(o, row->name, i));
        json_put_close(w, ']');
    }
}

static void put_table(const cadre_options *o, cadre_option_table table, json_writer *w)
{
    for (int i = 0; i < table.count; i++)
        if (!is_free(table.rows[i].name)) put_option(o, &table.rows[i], w);
}

static void put_input(json_writer *w, const char *name, int64_t bytes, hash128 hash)
{
    char text[HASH_TEXT];
    json_put_object(w, NULL);
    json_put_string(w, "name", name);
    json_put_int(w, "bytes", bytes);
    json_put_string(w, "hash", hash_text(hash, text));
    json_put_close(w, '}');
}

static void put_tokens(const train_run *r, json_writer *w)
{
    const batches *b = &r->batches;
    size_t row = (size_t)(b->steps * b->batch) * sizeof *b->table,
           shorter = row * (size_t)b->context, bytes = shorter + row;
    put_input(w, "the token file", (int64_t)bytes, hash_bytes(b->table, bytes));
    if (b->targets)
        put_input(w, "the token file's targets", (int64_t)shorter, hash_bytes(b->targets, shorter));
    if (b->documents)
        put_input(w, "the token file's documents", (int64_t)bytes, hash_bytes(b->documents, bytes));
}

/* Records a model's weights by content, whatever its files are called and wherever they are. */
static cadre_status put_model(const train_run *r, json_writer *w)
{
    weight_file file;
    char buffer[GGUF_NAME];
    int64_t bytes = 0;
    hash_stream *stream = hash_stream_new();
    cadre_status status = stream ? weight_file_open(r->from, &file) : CADRE_ENOMEM;
    bool opened = status == CADRE_OK;
    for (size_t i = 0; status == CADRE_OK && i < weight_file_count(&file); i++) {
        stored_tensor t;
        const char *name = weight_file_at(&file, i, buffer, &t);
        if (cadre_interrupted())
            status = cadre_fail(CADRE_EINTERRUPTED, r->from, "stopped on request");
        hash_stream_add(stream, name, strlen(name));
        hash_stream_add(stream, t.data, t.size);
        bytes += (int64_t)t.size;
    }
    if (status == CADRE_OK) put_input(w, "the model", bytes, hash_stream_value(stream));
    if (opened) weight_file_close(&file);
    hash_stream_free(stream);
    return status;
}

/* Records the adapter that the run starts from. */
static cadre_status put_adapter(const train_run *r, json_writer *w)
{
    char *path = file_join(cadre_options_text(r->options, "adapter-from", 0), ADAPTER_WEIGHTS);
    hash128 hash;
    safetensors *file = NULL;
    int64_t bytes = 0;
    cadre_status status = path ? hash_file(path, &hash) : CADRE_ENOMEM;
    if (status == CADRE_OK) status = safetensors_open(path, &file);
    for (size_t i = 0; file && i < safetensors_count(file); i++)
        bytes += (int64_t)safetensors_at(file, i)->size;
    if (status == CADRE_OK) put_input(w, "the adapter", bytes, hash);
    safetensors_close(file);
    mem_free(path);
    return status;
}

static cadre_status put_inputs(const train_run *r, json_writer *w)
{
    json_put_array(w, inputs_key);
    cadre_status status = r->from ? put_model(r, w) : CADRE_OK;
    if (status == CADRE_OK && cadre_options_count(r->options, "adapter-from"))
        status = put_adapter(r, w);
    const byte_buffer *vocabulary = &r->tokenizer_json;
    if (vocabulary->size)
        put_input(w, "the vocabulary", (int64_t)vocabulary->size,
            hash_bytes(vocabulary->data, vocabulary->size));
    if (r->token_file) put_tokens(r, w);
    const preference_set *p = &r->preferences;
    if (p->pairs) {
        size_t bytes = (size_t)p->start[3 * p->pairs] * sizeof *p->ids;
        put_input(w, "the preferences", (int64_t)bytes, hash_bytes(p->ids, bytes));
    }
    for (int i = 0; r->corpus && i < r->corpus->count; i++) {
        const corpus_domain *d = &r->corpus->domains[i];
        put_input(w, d->name, d->facts.bytes, d->facts.content);
    }
    json_put_close(w, ']');
    return status;
}

cadre_status same_run_text(const train_run *r, char **text)
{
    json_writer w = json_writer_new(0);
    json_put_object(&w, NULL);
    put_table(r->options, cadre_run_options(), &w);
    put_table(r->options, cadre_model_options(), &w);
    put_table(r->options, cadre_routing_options(), &w);
    put_table(r->options, cadre_train_options(), &w);
    cadre_status status = put_inputs(r, &w);
    json_put_close(&w, '}');
    if (status == CADRE_OK) status = json_writer_status(&w);
    if (status == CADRE_OK &&
        !(*text = mem_printf("%.*s", (int)w.text.size, (const char *)w.text.data)))
        status = CADRE_ENOMEM;
    json_writer_free(&w);
    return status;
}

/* ---- options compared ---- */

/* A value in words: "0.003", "4,8", "on", "not given". */
static const char *in_words(const json_node *node, char *text, size_t room)
{
    const char *word = "not given";
    bool on;
    size_t used = 0;
    if (json_kind_of(node) == JSON_KIND_ARRAY) {
        text[0] = 0;
        for (size_t i = 0; i < json_count(node) && used < room; i++) {
            json_node item = json_item(node, i);
            if (json_as_string(&item, &word, NULL) == CADRE_OK)
                used += (size_t)snprintf(text + used, room - used, "%s%s", i ? "," : "", word);
        }
        return text;
    }
    if (json_kind_of(node) == JSON_KIND_BOOL && json_as_bool(node, &on) == CADRE_OK)
        word = on ? "on" : "off";
    if (json_kind_of(node) == JSON_KIND_STRING) (void)json_as_string(node, &word, NULL);
    snprintf(text, room, "%s", word);
    return text;
}

enum { LIST = 4096 };

/* Whether two values are the same in words: an older checkpoint may have a list as one text. */
static bool same_words(const json_node *a, const json_node *b)
{
    char x[LIST], y[LIST];
    return !strcmp(in_words(a, x, LIST), in_words(b, y, LIST));
}

static bool same_value(const json_node *a, const json_node *b)
{
    if (json_kind_of(a) == JSON_KIND_STRING && json_kind_of(b) == JSON_KIND_ARRAY)
        return same_words(a, b);
    if (json_kind_of(a) != json_kind_of(b)) return false;
    if (json_kind_of(a) == JSON_KIND_ARRAY) {
        if (json_count(a) != json_count(b)) return false;
        for (size_t i = 0; i < json_count(a); i++) {
            json_node x = json_item(a, i), y = json_item(b, i);
            if (!same_value(&x, &y)) return false;
        }
        return true;
    }
    bool x = false, y = false;
    if (json_kind_of(a) == JSON_KIND_BOOL)
        return json_as_bool(a, &x) == CADRE_OK && json_as_bool(b, &y) == CADRE_OK && x == y;
    const char *s, *t;
    return json_as_string(a, &s, NULL) == CADRE_OK && json_as_string(b, &t, NULL) == CADRE_OK &&
           !strcmp(s, t);
}

enum { WORDS = 160 };

static cadre_status refuse_option(
    const train_run *r, const char *name, const json_node *was, const json_node *is)
{
    char before[WORDS], after[WORDS];
    cadre_status status = cadre_fail(CADRE_EMISMATCH, r->out,
        "--%s: expected what the run there was started with, %s, found another value, %s", name,
        in_words(was, before, WORDS), in_words(is, after, WORDS));
    cadre_fail_advice(
        is_overridable(name)
            ? "resume with the same value, or with --override, or choose another --out"
            : "resume with the same options, or choose another --out");
    return status;
}

static void note_option(
    const train_run *r, const char *name, const json_node *was, const json_node *is)
{
    char before[WORDS], after[WORDS];
    bool length = !strcmp(name, "steps") || !strcmp(name, "minutes");
    bool varies = strcmp(cadre_options_text(r->options, "schedule", 0), "constant") != 0;
    const char *what =
        length && varies ? ": the learning-rate schedule now has the new length" : "";
    train_note(r, "--%s was %s, and is %s from step %lld on%s", name, in_words(was, before, WORDS),
        in_words(is, after, WORDS), (long long)r->state.step + 1, what);
}

/* Handles a difference in one option. Either side may lack it: a checkpoint may be older than the
 * option. */
typedef cadre_status (*option_difference)(
    const train_run *r, const char *name, const json_node *was, const json_node *is);

static cadre_status refuse_other_run(
    const train_run *r, const char *name, const json_node *was, const json_node *is)
{
    return may_change(r, name) ? CADRE_OK : refuse_option(r, name, was, is);
}

static cadre_status note_change(
    const train_run *r, const char *name, const json_node *was, const json_node *is)
{
    if (may_change(r, name)) note_option(r, name, was, is);
    return CADRE_OK;
}

static cadre_status compare_option(const train_run *r, const char *name, const json_node *was,
    const json_node *is, option_difference differs)
{
    bool saved = json_kind_of(was) != JSON_KIND_ABSENT;
    if (!cadre_options_row(r->options, name) || is_free(name) || same_value(was, is))
        return CADRE_OK;
    return saved || cadre_options_given(r->options, name) ? differs(r, name, was, is) : CADRE_OK;
}

static cadre_status compare_options(
    const train_run *r, const json_node *saved, const json_node *now, option_difference differs)
{
    for (json_node m = { 0 }; json_next(now, &m);) {
        json_node was = json_member(saved, m.key);
        CADRE_TRY(compare_option(r, m.key, &was, &m, differs));
    }
    for (json_node m = { 0 }; json_next(saved, &m);) {
        json_node is = json_member(now, m.key);
        if (json_kind_of(&is) == JSON_KIND_ABSENT)
            CADRE_TRY(compare_option(r, m.key, &m, &is, differs));
    }
    return CADRE_OK;
}

/* ---- inputs compared ---- */

typedef struct input {
    const char *name, *hash;
    int64_t bytes;
} input;

static cadre_status read_input(const json_node *list, size_t i, input *in)
{
    json_node node = json_item(list, i);
    CADRE_TRY(json_get_string(&node, "name", &in->name));
    CADRE_TRY(json_get_string(&node, "hash", &in->hash));
    return json_get_int(&node, "bytes", 0, INT64_MAX, &in->bytes);
}

static cadre_status refuse_inputs(const char *folder, const input *was, const input *is)
{
    cadre_status status;
    if (was && is && !strcmp(was->name, is->name))
        status = cadre_fail(CADRE_EMISMATCH, folder,
            "%s: expected what the run there was started with, %lld bytes, found other content, "
            "%lld bytes",
            is->name, (long long)was->bytes, (long long)is->bytes);
    else
        status = cadre_fail(CADRE_EMISMATCH, folder,
            "the run there was started with other data: expected %s, found %s",
            was ? was->name : "nothing more", is ? is->name : "nothing more");
    cadre_fail_advice("resume with the same data, which keeps what was held out apart; "
                      "'cadre train --from %s' with another --out goes on with other data",
        folder);
    return status;
}

static cadre_status compare_inputs(const train_run *r, const json_node *saved, const json_node *now)
{
    json_node a, b;
    CADRE_TRY(json_opt_array(saved, inputs_key, &a));
    CADRE_TRY(json_get_array(now, inputs_key, &b));
    if (!a.value) {
        train_note(r, "the checkpoint does not say what it was trained on: that the data are the "
                      "same is not checked");
        return CADRE_OK;
    }
    size_t most = json_count(&a) > json_count(&b) ? json_count(&a) : json_count(&b);
    for (size_t i = 0; i < most; i++) {
        input was = { 0 }, is = { 0 };
        bool old = i < json_count(&a), new = i < json_count(&b);
        if (old) CADRE_TRY(read_input(&a, i, &was));
        if (new) CADRE_TRY(read_input(&b, i, &is));
        if (!old || !new || strcmp(was.name, is.name) || strcmp(was.hash, is.hash))
            return refuse_inputs(r->out, old ? &was : NULL, new ? &is : NULL);
    }
    return CADRE_OK;
}

cadre_status same_run_compare(const train_run *r, const char *saved)
{
    json_document *a, *b;
    if (!strcmp(saved, r->text)) return CADRE_OK;
    CADRE_TRY(json_parse(r->out, saved, strlen(saved), &a));
    cadre_status status = json_parse(r->out, r->text, strlen(r->text), &b);
    if (status != CADRE_OK) {
        json_close(a);
        return status;
    }
    json_node x = json_root(a), y = json_root(b);
    status = compare_options(r, &x, &y, refuse_other_run);
    if (status == CADRE_OK) status = compare_inputs(r, &x, &y);
    if (status == CADRE_OK) status = compare_options(r, &x, &y, note_change);
    json_close(a);
    json_close(b);
    return status;
}
