/* logits.c - opening, running, comparing. */
#include "support/logits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/scratch.h"
#include "support/succeeds.h"

safetensors *logits_of(cadre_context *context, const char *path, const char *out)
{
    const int32_t tokens[] = { 5, 17, 3, 9, 100, 42, 42, 7 };
    cadre_model *model;
    safetensors *file;
    succeeds(cadre_model_open(context, path, &model));
    succeeds(
        cadre_logits(model, tokens, sizeof tokens / sizeof *tokens, NULL, 0, scratch_file(out)));
    cadre_model_close(model);
    succeeds(safetensors_open(scratch_file(out), &file));
    return file;
}

bool logits_equal(const safetensors *a, const safetensors *b)
{
    const safetensors_tensor *t = safetensors_find(a, "logits"), *u = safetensors_find(b, "logits");
    assert_non_null(t);
    assert_non_null(u);
    assert_int_equal(t->size, u->size);
    return memcmp(t->data, u->data, t->size) == 0;
}

bool same_logits(cadre_context *context, const char *model, const char *other)
{
    safetensors *a = logits_of(context, model, "a.safetensors"),
                *b = logits_of(context, other, "b.safetensors");
    bool same = logits_equal(a, b);
    safetensors_close(a);
    safetensors_close(b);
    return same;
}
