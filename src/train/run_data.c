/* run_data.c - the data of a run: texts in domains, with a tokenizer that is learnt from them or
 * loaded, or a file of token batches. */
#include <string.h>

#include "arch/document_end.h"
#include "base/memory.h"
#include "format/safetensors.h"
#include "text/bpe_train.h"
#include "text/image_text.h"
#include "text/tokenizer_export.h"
#include "train/run.h"
#include "weights/weight_file.h"

static const char end_of_text[] = "<|endoftext|>";
/* The special tokens of a model with an encoder, named as in T5's vocabulary */
static const char padding[] = "<pad>", end_of_sequence[] = "</s>",
                  first_sentinel[] = "<extra_id_0>";
enum { SENTINELS = 100 };
/* A vocabulary is learnt from at most so many bytes, which are taken from all of the texts. */
enum { VOCABULARY_BYTES = 256 << 20 };

string_view train_data_end(const train_run *r)
{
    return train_has_encoder(r) ? (string_view){ end_of_sequence, sizeof end_of_sequence - 1 }
                                : (string_view){ end_of_text, sizeof end_of_text - 1 };
}

/* Loads a model's tokenizer as a tokenizer.json, to be saved with the new model. */
static cadre_status load_tokenizer(train_run *r, const char *model)
{
    CADRE_TRY(tokenizer_open(model, &r->tokenizer));
    return tokenizer_write_json(r->tokenizer, &r->tokenizer_json);
}

/* ---- a token file ---- */

/* Loads the tokenizer of --from, if there is one, to be saved with the new model. */
static cadre_status take_tokenizer(train_run *r)
{
    if (!r->from || !tokenizer_exists(r->from)) return CADRE_OK;
    cadre_status status = load_tokenizer(r, r->from);
    return status == CADRE_EUNSUPPORTED ? CADRE_OK : status;
}

/* Sets an option to what a token file's shape says; refuses another value. */
static cadre_status fit_option(train_run *r, const char *name, int64_t value, const char *file)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    if (!cadre_options_count(r->options, name)) return cadre_options_set(r->options, name, text);
    int64_t wanted = cadre_options_int(r->options, name, 0);
    if (wanted == value) return CADRE_OK;
    return cadre_fail(CADRE_EMISMATCH, file,
        "--%s: expected what the file's shape says, %lld, found %lld", name, (long long)value,
        (long long)wanted);
}

/* Finds a tensor [steps, batch, length] of the token file. *at NULL: it has none of that name */
static cadre_status find_ids(
    const train_run *r, const char *name, int64_t length, const int32_t **at)
{
    const char *path = safetensors_path(r->token_file);
    const safetensors_tensor *t;
    const int64_t shape[] = { r->batches.steps, r->batches.batch, length };
    *at = NULL;
    if (!safetensors_find(r->token_file, name)) return CADRE_OK;
    CADRE_TRY(safetensors_get_as(r->token_file, name, "I32", 3, shape, &t));
    if ((uintptr_t)t->data % sizeof(int32_t))
        return cadre_fail(CADRE_EFORMAT, path, "%s: expected data aligned to 4 bytes", name);
    *at = (const int32_t *)(const void *)t->data;
    return CADRE_OK;
}

static bool packs_documents(const train_run *r)
{
    return !strcmp(cadre_options_text(r->options, "pack", 0), "documents");
}

/* Finds the tensors that a token file may have beside its tokens. */
static cadre_status find_targets_and_documents(train_run *r)
{
    batches *b = &r->batches;
    CADRE_TRY(find_ids(r, "targets", b->context, &b->targets));
    if (!packs_documents(r)) return CADRE_OK;
    CADRE_TRY(find_ids(r, "documents", b->context + 1, &b->documents));
    if (b->documents) return CADRE_OK;
    return cadre_fail(CADRE_EFORMAT, safetensors_path(r->token_file),
        "--pack documents: expected a tensor \"documents\" that numbers them, found none");
}

cadre_status train_data_open_tokens(train_run *r)
{
    const char *path = cadre_options_text(r->options, "tokens", 0);
    const safetensors_tensor *t;
    CADRE_TRY(safetensors_open(path, &r->token_file));
    CADRE_TRY(
        safetensors_get_as(r->token_file, "tokens", "I32", 3, (const int64_t[]){ -1, -1, -1 }, &t));
    if (t->shape[0] < 1 || t->shape[1] < 1 || t->shape[2] < 2)
        return cadre_fail(CADRE_EFORMAT, path,
            "tokens: expected the shape [steps, batch, context + 1], found [%lld, %lld, %lld]",
            (long long)t->shape[0], (long long)t->shape[1], (long long)t->shape[2]);
    if ((uintptr_t)t->data % sizeof(int32_t))
        return cadre_fail(CADRE_EFORMAT, path, "tokens: expected data aligned to 4 bytes");
    CADRE_TRY(fit_option(r, "batch", t->shape[1], path));
    CADRE_TRY(fit_option(r, "context", t->shape[2] - 1, path));
    r->batches = (batches){ .batch = t->shape[1],
        .context = t->shape[2] - 1,
        .table = (const int32_t *)(const void *)t->data,
        .steps = t->shape[0] };
    CADRE_TRY(find_targets_and_documents(r));
    CADRE_TRY(take_tokenizer(r));
    bool length =
        cadre_options_count(r->options, "steps") || cadre_options_count(r->options, "minutes");
    return length ? CADRE_OK : fit_option(r, "steps", t->shape[0], path);
}

/* ---- texts ---- */

/* Lists the special tokens of images, if there are images. */
static int list_images(const train_run *r, char names[][IMAGE_PIECE], const char **specials)
{
    int count = 0;
    if (!r->images.side) return 0;
    specials[count++] = image_begin_piece;
    specials[count++] = image_end_piece;
    for (int i = 0; i < r->images.codes; i++) {
        image_code_piece(i, names[i]);
        specials[count++] = names[i];
    }
    return count;
}

/* Lists the special tokens of a learnt vocabulary. With an encoder, padding and the end have the
 * ids 0 and 1, and the sentinels follow in reverse order, as in T5. */
static int list_specials(const train_run *r, char names[][IMAGE_PIECE], const char **specials)
{
    specials[0] = end_of_text;
    if (!train_has_encoder(r)) return 1 + list_images(r, names, specials + 1);
    specials[0] = padding;
    specials[1] = end_of_sequence;
    for (int i = 0; i < SENTINELS; i++) {
        snprintf(names[i], sizeof names[i], "<extra_id_%d>", SENTINELS - 1 - i);
        specials[2 + i] = names[i];
    }
    return 2 + SENTINELS;
}

/* Learns a vocabulary of --vocab tokens, and in addition those of images. */
static cadre_status learn_with(train_run *r, const char *const *specials, int special_count)
{
    int32_t pieces = (int32_t)cadre_options_int(r->options, "vocab", 0);
    bpe_train_options o = { pieces + train_image_ids(r), specials, special_count };
    string_view *texts;
    int count;
    CADRE_TRY(corpus_training_texts(r->corpus, VOCABULARY_BYTES, &texts, &count));
    train_note(r, "learning a vocabulary of %d pieces", (int)pieces);
    cadre_status status = bpe_train(texts, count, &o, &r->tokenizer_json);
    mem_free(texts);
    return status;
}

static cadre_status learn_tokenizer(train_run *r)
{
    int32_t most = 2 + SENTINELS + train_image_ids(r);
    char(*names)[IMAGE_PIECE] = mem_alloc((size_t)most, sizeof *names);
    const char **specials = MEM_ARRAY(const char *, most);
    cadre_status status = names && specials ? CADRE_OK : CADRE_ENOMEM;
    if (status == CADRE_OK) status = learn_with(r, specials, list_specials(r, names, specials));
    mem_free(specials);
    mem_free(names);
    return status == CADRE_OK ? tokenizer_open_text(r->tokenizer_json.data, r->tokenizer_json.size,
                                    "the learnt vocabulary", &r->tokenizer)
                              : status;
}

/* A model with an encoder learns spans that are masked in running text, and nothing else. */
static cadre_status refuse_with_encoder(const char *what)
{
    return cadre_fail(CADRE_EUNSUPPORTED, NULL,
        "%s: expected a decoder, found a model with an encoder, whose targets are spans of the "
        "text",
        what);
}

cadre_status train_data_check_early(const train_run *r)
{
    bool learnt = cadre_options_count(r->options, "data") && !r->from && !r->resumed;
    int64_t pieces = learnt ? cadre_options_int(r->options, "vocab", 0) : BPE_TRAIN_MIN;
    if (train_has_encoder(r) && packs_documents(r) && cadre_options_count(r->options, "data"))
        return refuse_with_encoder("--pack documents");
    if (pieces >= BPE_TRAIN_MIN && pieces <= BPE_TRAIN_MAX) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "--vocab: expected a size that can be learnt, %d to %d, found %lld", BPE_TRAIN_MIN,
        BPE_TRAIN_MAX, (long long)pieces);
}

static cadre_status read_texts(train_run *r)
{
    for (int i = 0; i < r->corpus->count; i++) CADRE_TRY(corpus_read_domain(r->corpus, i));
    return corpus_check_length(r->corpus, cadre_options_int(r->options, "context", 0));
}

cadre_status train_data_template(const train_run *r, const chat_template **chat)
{
    const char *name = options_text_or(r->options, "template", NULL);
    if (name) return chat_template_named(name, chat);
    *chat = r->tokenizer ? chat_template_recognise(tokenizer_chat_program(r->tokenizer)) : NULL;
    if (*chat) return CADRE_OK;
    cadre_fail(CADRE_EUNSUPPORTED, r->from,
        "conversations: expected a model with a chat template of a known family, found "
        "none");
    cadre_fail_advice("--template NAME frames them; 'cadre chat --help' lists the names");
    return CADRE_EUNSUPPORTED;
}

/* Refuses --template if there is none of that name, and a file that begins with a conversation if
 * no template frames it. Others are found when they are read. */
static cadre_status check_conversations_early(const train_run *r)
{
    const chat_template *chat;
    cadre_status status = train_data_template(r, &chat);
    if (status != CADRE_EUNSUPPORTED) return status;
    for (int i = 0; i < r->corpus->count; i++) {
        bool found;
        CADRE_TRY(corpus_begins_conversation(&r->corpus->domains[i], &found));
        if (found) return train_data_template(r, &chat);
    }
    return CADRE_OK;
}

/* Called when all texts are read, before a vocabulary is learnt from them. */
static cadre_status check_read_conversations(const train_run *r)
{
    const chat_template *chat;
    for (int i = 0; i < r->corpus->count; i++)
        if (corpus_has_conversations(&r->corpus->domains[i])) return train_data_template(r, &chat);
    return CADRE_OK;
}

static cadre_status find_vocabulary(train_run *r)
{
    bool kept;
    CADRE_TRY(train_cache_vocabulary(r, train_data_end(r), &kept));
    if (kept) return CADRE_OK;
    CADRE_TRY(read_texts(r));
    CADRE_TRY(check_read_conversations(r));
    CADRE_TRY(learn_tokenizer(r));
    return train_cache_keep_vocabulary(r, train_data_end(r));
}

/* The token that ends a document: in a learnt vocabulary its only one, otherwise that of the model
 * that the run starts from. */
static int32_t end_of_document(const train_run *r)
{
    return r->from ? document_end(&r->config, r->tokenizer)
                   : tokenizer_id(r->tokenizer, train_data_end(r).data, train_data_end(r).size);
}

static void note_documents(const train_run *r, const corpus_ids *how)
{
    int64_t texts = 0, conversations = 0, decompressed = 0, json = 0;
    string_view piece = tokenizer_piece(r->tokenizer, how->end);
    for (int i = 0; i < r->corpus->count; i++) {
        const token_facts *f = &r->corpus->domains[i].facts;
        texts += f->texts + f->completions;
        conversations += f->conversations;
        decompressed += f->decompressed;
        json += f->json;
    }
    if (texts > r->corpus->count && how->end < 0)
        train_note(r,
            "the model names no end of a text: %lld documents follow one another with nothing "
            "between",
            (long long)texts);
    else if (texts > r->corpus->count)
        train_note(r, "%lld documents, each with %.*s after it", (long long)texts, (int)piece.size,
            piece.data);
    if (decompressed)
        train_note(r, "--data: %lld compressed %s, of which the contents are read",
            (long long)decompressed, decompressed == 1 ? "file" : "files");
    if (json)
        train_note(r,
            "--data: %lld %s of JSON read as plain text: documents are the lines of a .jsonl "
            "file, each an object",
            (long long)json, json == 1 ? "file" : "files");
    if (conversations && how->chat)
        train_note(r, "%lld conversations, framed as %s: %s", (long long)conversations,
            chat_template_name(how->chat),
            how->answers_only ? "the answers are learnt" : "all of it is learnt");
}

static cadre_status make_ids(train_run *r)
{
    corpus_ids how = { .tokenizer = r->tokenizer,
        .end = end_of_document(r),
        .context = cadre_options_int(r->options, "context", 0),
        .answers_only = !strcmp(cadre_options_text(r->options, "loss-on", 0), "answers") };
    cadre_status found = train_data_template(r, &how.chat);
    if (found != CADRE_OK && found != CADRE_EUNSUPPORTED) return found;
    for (int i = 0; i < r->corpus->count; i++) {
        const corpus_domain *d = &r->corpus->domains[i];
        bool stored;
        CADRE_TRY(train_cache_take(r, i, &how, &stored));
        if (stored) continue;
        CADRE_TRY(corpus_read_domain(r->corpus, i));
        CADRE_TRY(corpus_check_length(r->corpus, how.context));
        if (!how.chat && corpus_has_conversations(d)) return train_data_template(r, &how.chat);
        CADRE_TRY(train_cache_make(r, i, &how));
    }
    note_documents(r, &how);
    return CADRE_OK;
}

static cadre_status list_texts(train_run *r)
{
    int count = cadre_options_count(r->options, "data");
    const char **paths = MEM_ARRAY(const char *, count);
    if (!paths) return CADRE_ENOMEM;
    for (int i = 0; i < count; i++) paths[i] = cadre_options_text(r->options, "data", i);
    const image_reading images = train_images_reading(r);
    cadre_status status = corpus_list(paths, count, &images, &r->corpus);
    mem_free(paths);
    CADRE_TRY(status);
    r->runs = MEM_ARRAY(token_run, r->corpus->count);
    return r->runs ? CADRE_OK : CADRE_ENOMEM;
}

/* A model has its tokenizer, and so has a run that goes on; a new one learns it. */
static cadre_status take_known_tokenizer(train_run *r)
{
    if (r->from) return load_tokenizer(r, r->from);
    return r->resumed ? load_tokenizer(r, r->out) : CADRE_OK;
}

/* Checks what can be checked of the texts before they are read. */
static cadre_status check_texts_early(train_run *r)
{
    CADRE_TRY(train_weights_take(r));
    CADRE_TRY(take_known_tokenizer(r));
    return check_conversations_early(r);
}

static void fill_run(token_run *run, const corpus_domain *d)
{
    run->words = d->training.ids;
    run->store = d->store;
    run->count = d->store ? d->store->training : (int64_t)d->training.count;
}

cadre_status train_data_open_texts(train_run *r)
{
    CADRE_TRY(list_texts(r));
    CADRE_TRY(check_texts_early(r));
    CADRE_TRY(train_cache_open(r));
    if (r->images.side) CADRE_TRY(read_texts(r));
    CADRE_TRY(train_images_read(r));
    if (!r->tokenizer) CADRE_TRY(find_vocabulary(r));
    CADRE_TRY(make_ids(r));
    for (int i = 0; i < r->corpus->count; i++) fill_run(&r->runs[i], &r->corpus->domains[i]);
    return CADRE_OK;
}

/* Finds the sentinels by name. Token files and vocabularies without names have them as the last
 * ids. */
static void find_sentinels(train_run *r)
{
    if (!r->tokenizer || r->token_file) return;
    r->settings.spans.sentinel =
        tokenizer_id(r->tokenizer, first_sentinel, sizeof first_sentinel - 1);
}

/* Refuses ids outside the vocabulary. none: an id that is allowed and means "no token"; 0: there is
 * none */
static cadre_status check_ids(
    const train_run *r, const char *name, const int32_t *ids, int64_t count, int32_t none)
{
    for (int64_t i = 0; i < count; i++)
        if ((ids[i] < 0 || ids[i] >= r->config.vocab) && !(none && ids[i] == none))
            return cadre_fail(CADRE_EFORMAT, safetensors_path(r->token_file),
                "%s: expected ids of 0 to %lld%s, found %d", name, (long long)(r->config.vocab - 1),
                none ? ", or -100 for a target that does not count" : "", ids[i]);
    return CADRE_OK;
}

static cadre_status check_documents(const train_run *r)
{
    const batches *b = &r->batches;
    int64_t row = b->context + 1;
    for (int64_t i = 0; b->documents && i < b->steps * b->batch * row; i++)
        if (i % row && b->documents[i] < b->documents[i - 1])
            return cadre_fail(CADRE_EFORMAT, safetensors_path(r->token_file),
                "documents: expected numbers that rise along a row, found %d after %d",
                b->documents[i], b->documents[i - 1]);
    return CADRE_OK;
}

static cadre_status check_token_file(const train_run *r)
{
    enum { NOT_COUNTED = -100 };
    const batches *b = &r->batches;
    int64_t rows = b->steps * b->batch;
    CADRE_TRY(check_ids(r, "tokens", b->table, rows * (b->context + 1), 0));
    if (b->targets) CADRE_TRY(check_ids(r, "targets", b->targets, rows * b->context, NOT_COUNTED));
    CADRE_TRY(check_documents(r));
    if (!r->config.encoder || !(b->targets || b->documents)) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, safetensors_path(r->token_file),
        "%s: expected a decoder, found a model with an encoder, whose targets are spans of the "
        "text",
        b->targets ? "targets" : "--pack documents");
}

static cadre_status arrange_texts(train_run *r)
{
    train_settings *s = &r->settings;
    CADRE_TRY(
        batches_of_corpus(r->runs, r->corpus->count, s->batch, s->context, s->seed, &r->batches));
    r->batches.pack = packs_documents(r);
    r->batches.vocabulary = r->config.vocab;
    s->documents = batches_most_documents(&r->batches);
    bool silent = false;
    for (int i = 0; i < r->corpus->count; i++) {
        const token_facts *f = &r->corpus->domains[i].facts;
        silent |= f->conversations + f->completions > 0;
    }
    return r->config.encoder && silent ? refuse_with_encoder("conversations and completions")
                                       : CADRE_OK;
}

cadre_status train_data_arrange(train_run *r)
{
    train_settings *s = &r->settings;
    find_sentinels(r);
    if (r->preferences.pairs) return CADRE_OK;
    if (!r->token_file) return arrange_texts(r);
    CADRE_TRY(check_token_file(r));
    s->documents = batches_most_documents(&r->batches);
    if (s->length.steps > r->batches.steps)
        return cadre_fail(CADRE_EARGUMENT, safetensors_path(r->token_file),
            "--steps: expected at most the %lld that the file holds, found %lld",
            (long long)r->batches.steps, (long long)s->length.steps);
    return CADRE_OK;
}

void train_data_close(train_run *r)
{
    corpus_free(r->corpus);
    train_cache_close(r);
    tokenizer_close(r->tokenizer);
    byte_buffer_free(&r->tokenizer_json);
    safetensors_close(r->token_file);
    preference_free(&r->preferences);
    mem_free(r->runs);
    mem_free(r->image_codes);
}
