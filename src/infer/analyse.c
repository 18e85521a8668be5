/* analyse.c - analyses a finished run on its held-out texts and writes analysis.json: bits per
 * byte, how much each expert took of which domain and which tokens, which experts were picked
 * together, a passage of each domain, and a sample. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cadre/session.h"
#include "arch/document_end.h"
#include "arch/token_types.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/sized.h"
#include "format/json.h"
#include "infer/expert_tokens.h"
#include "infer/modality.h"
#include "infer/route_census.h"
#include "infer/routes.h"
#include "infer/runner.h"
#include "infer/session.h"
#include "infer/shuffled_domains.h"
#include "kernel/context.h"
#include "moe/metrics.h"
#include "text/corpus.h"

enum {
    TEXT_LIMIT = 1 << 30,
    PASSAGE_BYTES = 4096,
    PASSAGE_TOKENS = 160, /* tokens that are shown */
    PROMPT_TOKENS = 12,
    SAMPLE_TOKENS = 96,
    MOST_DOMAINS = 256,
};

typedef struct domain {
    char *name, *text;
    size_t size;
    token_list ids; /* of the whole text */
    /* A part of its prose: the sample continues it, and it is shown token by token */
    token_list passage;
    double nats, bits_per_byte;
    route_census census;
    type_losses by_type[CADRE_TOKEN_TYPES];
    char *prompt, *sample;
} domain;

typedef struct analysis {
    cadre_model *model;
    const tokenizer *tokenizer;
    int32_t end;     /* the token after a document; -1: there is none */
    unsigned flags;  /* of texts: CADRE_PARSE_SPECIAL where images stand in them */
    domain *domains; /* [count] */
    int count;
    census_form form;
    const route_census **census; /* [count] of the domains */
} analysis;

/* ---- reading ---- */

/* The sizes of the text's documents, if run.json has them and they add up to the text. */
static bool documents_of(const domain *d, const json_node *held_out, json_node *sizes)
{
    int64_t sum = 0;
    *sizes = json_member(held_out, d->name);
    for (size_t i = 0; i < json_count(sizes); i++) {
        json_node item = json_item(sizes, i);
        int64_t size = 0;
        if (json_as_count(&item, 1, (int64_t)d->size - sum, &size) != CADRE_OK) return false;
        sum += size;
    }
    return sum > 0 && sum == (int64_t)d->size;
}

/* Encodes a domain as in training, with the token that ends a document after each. */
static cadre_status encode_domain(const analysis *a, domain *d, const json_node *held_out)
{
    json_node sizes;
    if (!documents_of(d, held_out, &sizes))
        return tokenizer_encode(a->tokenizer, d->text, d->size, a->flags, &d->ids);
    for (size_t i = 0, at = 0; i < json_count(&sizes); i++) {
        json_node item = json_item(&sizes, i);
        int64_t size = 0;
        CADRE_TRY(json_as_count(&item, 1, INT64_MAX, &size));
        CADRE_TRY(tokenizer_encode(a->tokenizer, d->text + at, (size_t)size, a->flags, &d->ids));
        if (a->end >= 0) CADRE_TRY(token_list_put(&d->ids, a->end));
        at += (size_t)size;
    }
    return CADRE_OK;
}

static bool has_images(const analysis *a, const domain *d)
{
    const image_tokens *p = &a->model->config.images;
    size_t i = 0;
    while (p->side && i < d->ids.count && d->ids.ids[i] != image_begin(p)) i++;
    return p->side && i < d->ids.count;
}

static cadre_status read_domain(
    analysis *a, const char *folder, const char *name, const json_node *held_out)
{
    domain *d = &a->domains[a->count++];
    char *path = file_join(folder, name);
    const char *dot = strrchr(name, '.');
    d->name = mem_printf("%.*s", (int)(dot ? dot - name : (ptrdiff_t)strlen(name)), name);
    cadre_status status =
        path && d->name ? file_read(path, TEXT_LIMIT, &d->text, &d->size) : CADRE_ENOMEM;
    mem_free(path);
    CADRE_TRY(status);
    CADRE_TRY(encode_domain(a, d, held_out));
    size_t begin = has_images(a, d) ? 0 : corpus_passage(d->text, d->size), left = d->size - begin;
    return tokenizer_encode(a->tokenizer, d->text + begin,
        left < PASSAGE_BYTES ? left : PASSAGE_BYTES, a->flags, &d->passage);
}

static void note(const cadre_train_listener *listener, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void note(const cadre_train_listener *listener, const char *format, ...)
{
    char text[256];
    va_list args;
    if (!listener || !listener->note) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    listener->note(listener->arg, text);
}

/* Reads the texts; of very many, some that are evenly spread over the order of their names. */
static cadre_status read_folder(analysis *a, const char *folder, const json_node *held_out,
    const cadre_train_listener *listener)
{
    char **names;
    int count;
    CADRE_TRY(file_list(folder, &names, &count));
    int most = count < MOST_DOMAINS ? count : MOST_DOMAINS;
    if (count > most) note(listener, "%d of the %d held-out texts are looked at", most, count);
    cadre_status status = (a->domains = MEM_ARRAY(domain, most)) ? CADRE_OK : CADRE_ENOMEM;
    for (int i = 0; i < most && status == CADRE_OK; i++)
        status = read_domain(a, folder, names[(int64_t)i * count / most], held_out);
    file_list_free(names, count);
    return status;
}

static cadre_status read_domains(analysis *a, const char *run, const cadre_train_listener *listener)
{
    char *folder = file_join(run, "validation"), *record = file_join(run, "run.json");
    json_document *document = NULL;
    cadre_status status = folder && record ? CADRE_OK : CADRE_ENOMEM;
    if (status == CADRE_OK && file_exists(record))
        status = json_open_dense(record, JSON_LIMIT, &document);
    if (status == CADRE_OK) {
        json_node root = { 0 };
        if (document) root = json_root(document);
        json_node held_out = json_member(&root, "held_out_documents");
        status = read_folder(a, folder, &held_out, listener);
    }
    json_close(document);
    mem_free(folder);
    mem_free(record);
    return status;
}

static void close_analysis(analysis *a)
{
    for (int i = 0; i < a->count; i++) {
        domain *d = &a->domains[i];
        mem_free(d->name);
        mem_free(d->text);
        route_census_close(&d->census);
        mem_free(d->prompt);
        mem_free(d->sample);
        token_list_free(&d->ids);
        token_list_free(&d->passage);
    }
    mem_free(a->domains);
    mem_free(a->census);
    census_form_free(&a->form);
    cadre_model_close(a->model);
}

/* ---- counting ---- */

static cadre_status open_censuses(analysis *a)
{
    int64_t tokens = 0;
    for (int i = 0; i < a->count; i++) tokens += (int64_t)a->domains[i].ids.count;
    CADRE_TRY(census_form_make(&a->model->config, a->count, tokens, &a->form));
    if (!(a->census = MEM_ARRAY(const route_census *, a->count))) return CADRE_ENOMEM;
    for (int i = 0; i < a->count; i++) {
        domain *d = &a->domains[i];
        a->census[i] = &d->census;
        CADRE_TRY(route_census_open(&a->form, d->ids.ids, (int64_t)d->ids.count, &d->census));
    }
    return CADRE_OK;
}

static cadre_status evaluate_domain(analysis *a, domain *d)
{
    evaluation_watch watch = route_census_watch(&d->census);
    if (a->end >= 0) watch.uncounted = &a->end; /* bits are counted for the text alone */
    watch.by_type = d->by_type;
    CADRE_TRY(evaluate_tokens(a->model, d->ids.ids, (int64_t)d->ids.count, 0, &watch, &d->nats));
    d->bits_per_byte =
        evaluate_bits_per_byte(a->model, a->tokenizer, &d->ids, d->size, d->by_type, d->nats);
    return CADRE_OK;
}

/* ---- a sample ---- */

typedef struct sample_text {
    byte_buffer text;
    cadre_status status;
} sample_text;

static bool append(void *arg, int32_t id, const char *text, size_t size)
{
    sample_text *s = arg;
    (void)id;
    s->status = byte_buffer_put(&s->text, text, size);
    return s->status == CADRE_OK;
}

static cadre_status text_copy(const byte_buffer *b, char **text)
{
    *text = mem_printf("%.*s", (int)b->size, b->data ? b->data : "");
    return *text ? CADRE_OK : CADRE_ENOMEM;
}

/* Decodes ids, whole characters only. */
static cadre_status text_of(const analysis *a, const int32_t *ids, int64_t count, byte_buffer *out)
{
    token_stream *stream;
    string_view text;
    CADRE_TRY(token_stream_new(a->tokenizer, 0, &stream));
    cadre_status status = CADRE_OK;
    for (int64_t i = 0; i <= count && status == CADRE_OK; i++) {
        status =
            i < count ? token_stream_put(stream, ids[i], &text) : token_stream_end(stream, &text);
        if (status == CADRE_OK) status = byte_buffer_put(out, text.data, text.size);
    }
    token_stream_free(stream);
    return status;
}

static cadre_status sample_domain(analysis *a, domain *d)
{
    const cadre_sampling sampling = { .size = sizeof sampling,
        .temperature = 0.7,
        .top_p = 0.95,
        .repetition_penalty = 1.1,
        .seed = 1 };
    int64_t prompt =
        (int64_t)d->passage.count < PROMPT_TOKENS ? (int64_t)d->passage.count : PROMPT_TOKENS;
    byte_buffer text = { 0 };
    sample_text s = { 0 };
    cadre_status status = text_of(a, d->passage.ids, prompt, &text);
    if (status == CADRE_OK) status = text_copy(&text, &d->prompt);
    if (status == CADRE_OK)
        status = cadre_generate(a->model, d->passage.ids, prompt,
            &(cadre_generation){ .size = sizeof(cadre_generation),
                .limit = SAMPLE_TOKENS,
                .sampling = &sampling,
                .listener = append,
                .arg = &s });
    if (status == CADRE_OK) status = s.status;
    if (status == CADRE_OK) status = text_copy(&s.text, &d->sample);
    byte_buffer_free(&text);
    byte_buffer_free(&s.text);
    return status;
}

/* ---- writing ---- */

static void put_domains(json_writer *w, const analysis *a)
{
    json_put_array(w, "domains");
    for (int i = 0; i < a->count; i++) {
        const domain *d = &a->domains[i];
        json_put_object(w, NULL);
        json_put_string(w, "name", d->name);
        json_put_int(w, "bytes", (int64_t)d->size);
        json_put_int(w, "tokens", (int64_t)d->ids.count);
        json_put_real(w, "bits_per_byte", d->bits_per_byte);
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
}

static void put_loads(json_writer *w, const analysis *a)
{
    const model_config *c = &a->model->config;
    json_put_array(w, "domain_expert");
    for (int64_t l = 0, s = 0; l < c->layers; l++) {
        if (!c->layer[l].sparse) continue;
        json_put_array(w, NULL);
        for (int i = 0; i < a->count; i++) {
            json_put_array(w, NULL);
            const int64_t *load = a->domains[i].census.load + s * a->form.experts;
            for (int64_t e = 0; e < c->layer[l].moe.experts; e++) json_put_int(w, NULL, load[e]);
            json_put_close(w, ']');
        }
        json_put_close(w, ']');
        s++;
    }
    json_put_close(w, ']');
}

/* Writes how much a pick in each sparse layer tells about the domain of its token. */
static cadre_status put_information(json_writer *w, const analysis *a)
{
    const model_config *c = &a->model->config;
    int64_t *count = MEM_ARRAY(int64_t, a->count * a->form.experts);
    if (!count) return CADRE_ENOMEM;
    json_put_array(w, "domain_information");
    for (int64_t l = 0, s = 0; l < c->layers; l++) {
        if (!c->layer[l].sparse) continue;
        const int64_t experts = c->layer[l].moe.experts, first = s++ * a->form.experts;
        for (int i = 0; i < a->count; i++)
            memcpy(count + i * experts, a->domains[i].census.load + first,
                (size_t)experts * sizeof *count);
        domain_information told = metrics_domain_information(count, a->count, (int32_t)experts);
        json_put_object(w, NULL);
        json_put_real(w, "bits", told.bits);
        json_put_real(w, "most", told.most);
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
    mem_free(count);
    return CADRE_OK;
}

/* Writes how much the counts by domain would tell if domains had been assigned by chance. */
static cadre_status put_shuffled(json_writer *w, const analysis *a)
{
    shuffled_bits *bits = MEM_ARRAY(shuffled_bits, a->form.layers);
    if (!bits) return CADRE_ENOMEM;
    cadre_status status = shuffled_domains(a->census, a->count, bits);
    json_put_object(w, "shuffled_domains");
    json_put_int(w, "segment", a->form.segment);
    json_put_int(w, "rounds", SHUFFLED_ROUNDS);
    json_put_array(w, "bits");
    for (int64_t s = 0; s < a->form.layers; s++) {
        json_put_object(w, NULL);
        json_put_real(w, "mean", bits[s].mean);
        json_put_real(w, "deviation", bits[s].deviation);
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
    json_put_close(w, '}');
    mem_free(bits);
    return status;
}

/* Writes for each layer a list for each expert: how many tokens picked it together with each of the
 * experts before it. */
static void put_together(json_writer *w, const analysis *a)
{
    const model_config *c = &a->model->config;
    if (!a->form.together) return;
    json_put_array(w, "together");
    for (int64_t l = 0, s = 0; l < c->layers; l++) {
        if (!c->layer[l].sparse) continue;
        int64_t experts = c->layer[l].moe.experts;
        json_put_array(w, NULL);
        for (int64_t e = 0; e < experts; e++) {
            json_put_array(w, NULL);
            for (int64_t f = 0; f < e; f++)
                json_put_int(w, NULL, a->form.together[s][e * experts + f]);
            json_put_close(w, ']');
        }
        json_put_close(w, ']');
        s++;
    }
    json_put_close(w, ']');
}

static void put_samples(json_writer *w, const analysis *a)
{
    json_put_array(w, "samples");
    for (int i = 0; i < a->count; i++) {
        const domain *d = &a->domains[i];
        if (!d->sample) continue;
        json_put_object(w, NULL);
        json_put_string(w, "domain", d->name);
        json_put_string(w, "prompt", d->prompt);
        json_put_string(w, "text", d->sample);
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
}

/* Writes tokens with their experts and the text that each completes. */
static cadre_status put_tokens(
    json_writer *w, const analysis *a, const domain *d, const route_log *log)
{
    token_stream *stream;
    CADRE_TRY(token_stream_new(a->tokenizer, 0, &stream));
    cadre_status status = CADRE_OK;
    json_put_object(w, NULL);
    json_put_string(w, "domain", d->name);
    json_put_array(w, "tokens");
    for (int64_t t = 0; t < log->room && status == CADRE_OK; t++) {
        string_view text;
        status = token_stream_put(stream, d->passage.ids[t], &text);
        if (status != CADRE_OK) break;
        json_put_object(w, NULL);
        json_put_bytes(w, "text", text.data, text.size);
        route_log_write(log, t, w);
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
    json_put_close(w, '}');
    token_stream_free(stream);
    return status;
}

/* Writes a passage of a domain, with the experts that each token took. */
static cadre_status put_passage(json_writer *w, const analysis *a, const domain *d)
{
    int64_t count =
        (int64_t)d->passage.count < PASSAGE_TOKENS ? (int64_t)d->passage.count : PASSAGE_TOKENS;
    route_log log = { 0 };
    runner r = { 0 };
    if (!count) return CADRE_OK;
    cadre_status status = runner_open(a->model, count, 1, count, &r);
    if (status == CADRE_OK) status = route_log_open(&log, &a->model->config, count);
    if (status == CADRE_OK) {
        r.watch = route_log_watch;
        r.watch_arg = &log;
        status = runner_feed(&r, &(runner_chunk){ NULL, d->passage.ids, count }, 1);
    }
    if (status == CADRE_OK) status = put_tokens(w, a, d, &log);
    route_log_close(&log);
    runner_close(&r);
    return status;
}

static cadre_status put_passages(json_writer *w, const analysis *a)
{
    cadre_status status = CADRE_OK;
    json_put_array(w, "passages");
    for (int i = 0; i < a->count && status == CADRE_OK; i++)
        status = put_passage(w, a, &a->domains[i]);
    json_put_close(w, ']');
    return status;
}

static cadre_status put_modality(json_writer *w, const analysis *a)
{
    modality_text *texts = MEM_ARRAY(modality_text, a->count);
    if (!texts) return CADRE_ENOMEM;
    for (int i = 0; i < a->count; i++) {
        const domain *d = &a->domains[i];
        texts[i] = (modality_text){ d->name, &d->ids, &d->census, d->by_type };
    }
    cadre_status status = modality_write(a->model, a->tokenizer, a->end, texts, a->count, w);
    mem_free(texts);
    return status;
}

static cadre_status write_analysis(const analysis *a, const char *run)
{
    char *path = file_join(run, "analysis.json");
    if (!path) return CADRE_ENOMEM;
    json_writer w = json_writer_new(0);
    json_put_object(&w, NULL);
    put_domains(&w, a);
    put_loads(&w, a);
    bool routed = a->form.layers && a->count;
    cadre_status status = routed ? put_information(&w, a) : CADRE_OK;
    if (status == CADRE_OK && routed && a->count > 1) status = put_shuffled(&w, a);
    put_together(&w, a);
    if (status == CADRE_OK && routed)
        status = expert_tokens_write(a->census, a->count, a->tokenizer, "top_tokens", &w);
    if (status == CADRE_OK) status = put_passages(&w, a);
    put_samples(&w, a);
    if (status == CADRE_OK) status = put_modality(&w, a);
    json_put_close(&w, '}');
    if (status == CADRE_OK) status = json_writer_save(&w, path);
    else json_writer_free(&w);
    mem_free(path);
    return status;
}

static void tell(const analysis *a, const cadre_train_listener *listener, const domain *d)
{
    char images[64] = "";
    const type_losses *l =
        &d->by_type[token_type_of(&a->model->config, image_begin(&a->model->config.images))];
    if (has_images(a, d))
        snprintf(images, sizeof images, ", %.3f bits per image token",
            l->nats / log(2) / (double)l->tokens);
    note(listener, "%s: %.3f bits per byte of held-out text%s", d->name, d->bits_per_byte, images);
}

/* base: the model that the run's adapter stands beside; NULL: the run's folder has the model */
static cadre_status open_model(
    analysis *a, cadre_context *context, const char *base, const char *run)
{
    const cadre_open_options options = { .size = sizeof options, .adapter = base ? run : NULL };
    return cadre_model_open_with(context, base ? base : run, &options, &a->model);
}

static cadre_status run_analysis(analysis *a, const char *run, const cadre_train_listener *listener)
{
    CADRE_TRY(cadre_model_tokenizer(a->model, &a->tokenizer));
    a->end = document_end(&a->model->config, a->tokenizer);
    if (a->model->config.images.side) a->flags = CADRE_PARSE_SPECIAL;
    CADRE_TRY(read_domains(a, run, listener));
    CADRE_TRY(open_censuses(a));
    const bool writes = !session_router_that_reads_next(a->model);
    for (int i = 0; i < a->count; i++) {
        if (!a->domains[i].size) continue;
        CADRE_TRY(evaluate_domain(a, &a->domains[i]));
        if (writes && !has_images(a, &a->domains[i])) CADRE_TRY(sample_domain(a, &a->domains[i]));
        tell(a, listener, &a->domains[i]);
    }
    return write_analysis(a, run);
}

static cadre_status analyse(
    cadre_context *context, const char *base, const char *run, const cadre_train_listener *listener)
{
    analysis a = { 0 };
    cadre_train_listener own;
    CADRE_TRY(sized_read_or_zero(
        "cadre_train_listener", listener, SIZE_UP_TO(cadre_train_listener, arg), &own, sizeof own));
    cadre_status status = open_model(&a, context, base, run);
    if (status == CADRE_OK) status = run_analysis(&a, run, &own);
    close_analysis(&a);
    return status;
}

cadre_status cadre_analyse(
    cadre_context *context, const char *run, const cadre_train_listener *listener)
{
    CADRE_TRY(context_enter(context));
    return context_leave(context, analyse(context, NULL, run, listener));
}

cadre_status cadre_analyse_adapter(cadre_context *context, const char *model, const char *run,
    const cadre_train_listener *listener)
{
    CADRE_TRY(context_enter(context));
    return context_leave(context, analyse(context, model, run, listener));
}
