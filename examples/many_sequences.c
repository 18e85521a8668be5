/* many_sequences.c - several texts continued together, with the installed library alone.
 *
 *     cc -o many_sequences many_sequences.c $(pkg-config --cflags --libs cadre)
 *     many_sequences MODEL
 *
 * Three prompts of token ids go through the model together: a pass writes one token of every text
 * and reads the weights once for all. Without MODEL, a small model with random weights is made. Its
 * tokens mean nothing, but each text is the same in a batch as alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cadre.h>

enum { TEXTS = 3, LENGTH = 16, CAPACITY = 64 };

static void check(cadre_status status)
{
    if (status == CADRE_OK) return;
    fprintf(stderr, "many_sequences: %s\n", cadre_last_error());
    exit(1);
}

static void make_model(cadre_context *context, const char *path)
{
    static const char *const sizes[][2] = { { "recipe", "olmoe" }, { "layers", "2" },
        { "width", "32" }, { "heads", "2" }, { "experts", "8" }, { "topk", "2" },
        { "expert-width", "16" }, { "vocab", "256" } };
    cadre_option_table tables[4];
    cadre_options *options;
    tables[0] = cadre_run_options(), tables[1] = cadre_model_options();
    tables[2] = cadre_routing_options(), tables[3] = cadre_train_options();
    check(cadre_options_new(tables, 4, &options));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check(cadre_options_set(options, sizes[i][0], sizes[i][1]));
    check(cadre_init(context, options, NULL, NULL, path, NULL));
    cadre_options_free(options);
}

static int32_t most_likely(const cadre_real *logits, int64_t count)
{
    int64_t best = 0;
    for (int64_t i = 1; i < count; i++)
        if (logits[i] > logits[best]) best = i;
    return (int32_t)best;
}

/* Continues each prompt by LENGTH tokens: out [count, LENGTH]. */
static void continue_all(cadre_model *model, int count, const int32_t *const *prompts,
    const int64_t *lengths, int32_t (*out)[LENGTH])
{
    cadre_model_info info = { .size = sizeof info };
    cadre_session *sessions[TEXTS];
    cadre_pass_part parts[TEXTS];
    cadre_pass *pass;
    check(cadre_model_info_get(model, &info));
    cadre_real *logits = malloc((size_t)count * (size_t)info.vocabulary * sizeof *logits);
    if (!logits) exit(1);

    check(cadre_pass_new(model, TEXTS * CAPACITY, TEXTS, CAPACITY, &pass));
    for (int i = 0; i < count; i++) {
        check(cadre_session_new(model, CAPACITY, &sessions[i]));
        parts[i] = (cadre_pass_part){
            .session = sessions[i], .tokens = prompts[i], .count = lengths[i], .row_count = 1
        };
    }
    for (int n = 0; n < LENGTH; n++) {
        check(cadre_pass_run(pass, parts, count, logits));
        for (int i = 0; i < count; i++) {
            out[i][n] = most_likely(logits + i * info.vocabulary, info.vocabulary);
            parts[i].tokens = &out[i][n], parts[i].count = 1;
        }
    }
    for (int i = 0; i < count; i++) cadre_session_free(sessions[i]);
    cadre_pass_free(pass);
    free(logits);
}

int main(int argc, char **argv)
{
    static const int32_t first[] = { 5, 17, 3, 9 }, second[] = { 100, 42 },
                         third[] = { 7, 25, 11, 30, 8, 1 };
    static const int32_t *const prompts[TEXTS] = { first, second, third };
    static const int64_t lengths[TEXTS] = { 4, 2, 6 };
    const char *made = "many_sequences.gguf"; /* in the folder where it runs */
    int32_t together[TEXTS][LENGTH], alone[TEXTS][LENGTH];
    cadre_context *context;
    cadre_model *model;
    const char *path = argc > 1 ? argv[1] : made;
    check(cadre_context_new(0, NULL, &context));
    if (argc < 2) make_model(context, made);
    check(cadre_model_open(context, path, &model));

    continue_all(model, TEXTS, prompts, lengths, together);
    for (int i = 0; i < TEXTS; i++) continue_all(model, 1, &prompts[i], &lengths[i], &alone[i]);
    for (int i = 0; i < TEXTS; i++) {
        printf("text %d:", i);
        for (int n = 0; n < LENGTH; n++) printf(" %d", (int)together[i][n]);
        printf("  %s\n", memcmp(together[i], alone[i], sizeof alone[i]) ? "differs from alone"
                                                                        : "the same as alone");
    }
    cadre_model_close(model);
    cadre_context_free(context);
    if (argc < 2) remove(made);
    return memcmp(together, alone, sizeof alone) != 0;
}
