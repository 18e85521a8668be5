/* reading.c - turns texts into tokens, and runs windows of them through a model.
 *
 * It calls the transformer itself: a window is one sequence of which nothing is kept, and infer's
 * runner, which does more, lies in a room that grow does not see. */
#include "grow/reading.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"

enum { DRAWN = 256 }; /* tokens that are drawn if there is no text */

static cadre_status add_text(const tokenizer *t, const char *path, token_list *ids)
{
    char *text = NULL;
    size_t size = 0;
    CADRE_TRY(file_read(path, (size_t)1 << 30, &text, &size));
    cadre_status status = cadre_text_check(path, text, size);
    if (status == CADRE_OK) status = tokenizer_encode(t, text, size, 0, ids);
    mem_free(text);
    return status;
}

static cadre_status take_texts(cadre_model *model, const cadre_options *options, passage *p)
{
    const tokenizer *t;
    token_list ids = { 0 };
    cadre_status status = cadre_model_tokenizer(model, &t);
    for (int i = 0; status == CADRE_OK && i < cadre_options_count(options, "text"); i++)
        status = add_text(t, cadre_options_text(options, "text", i), &ids);
    if (status == CADRE_OK && ids.count < 2)
        status = cadre_fail(
            CADRE_EARGUMENT, NULL, "--text: expected at least two tokens of text, found fewer");
    for (size_t i = 0; status == CADRE_OK && i < ids.count; i++)
        if (ids.ids[i] >= model->config.vocab)
            status = cadre_fail(CADRE_EMISMATCH, model->path,
                "tokenizer.json: expected ids below the model's %lld, found %d",
                (long long)model->config.vocab, ids.ids[i]);
    if (status != CADRE_OK) {
        token_list_free(&ids);
        return status;
    }
    *p = (passage){ ids.ids, (int64_t)ids.count };
    return CADRE_OK;
}

cadre_status passage_open(cadre_model *model, const cadre_options *options, passage *p)
{
    if (cadre_options_count(options, "text")) return take_texts(model, options, p);
    random_key key =
        random_key_of((uint64_t)cadre_options_int(options, "seed", 0), "passage", 0, 0);
    int32_t *tokens = MEM_ARRAY(int32_t, DRAWN);
    if (!tokens) return CADRE_ENOMEM;
    for (int64_t i = 0; i < DRAWN; i++)
        tokens[i] = (int32_t)(random_bits(key, (uint64_t)i) % (uint64_t)model->config.vocab);
    *p = (passage){ tokens, DRAWN };
    return CADRE_OK;
}

void passage_close(passage *p)
{
    mem_free(p->tokens);
    *p = (passage){ 0 };
}

int64_t reading_window(int64_t context, int64_t other)
{
    int64_t least = context < other ? context : other;
    return least < READING_WINDOW ? least : READING_WINDOW;
}

cadre_status reading_open(cadre_model *model, int64_t window, reading *r)
{
    const batch_limits most = { .tokens = window, .sequences = 1, .keys = window };
    *r = (reading){ .model = model, .window = window };
    return transformer_new(model->context->compute, &model->config, &most, &r->transformer);
}

void reading_close(reading *r)
{
    transformer_free(r->transformer);
    *r = (reading){ 0 };
}

cadre_status reading_take(
    reading *r, const int32_t *tokens, int64_t count, transformer_watch watch, void *arg)
{
    r->start[1] = count;
    const token_batch b = {
        .inputs = tokens, .tokens = count, .sequences = 1, .start = r->start, .may_stop = true
    };
    return transformer_forward(r->transformer, &r->model->weights, &b, NULL, watch, arg);
}
