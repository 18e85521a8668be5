/* files_test.c - arrays in the layout of a model's parameters, written and read: whole, and as the
 * shares of ranks. */
#include "weights/files.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/architecture.h"
#include "base/memory.h"
#include "support/gradient.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

typedef struct fixture {
    cadre_options *options;
    model_config config;
    param_table table;
    real *values;
    safetensors *file;
} fixture;

static void open_case(fixture *f, const char *name)
{
    const recipe *r = recipe_by_name(name);
    const char *path = scratch_file("values.safetensors");
    char *notes;
    safetensors_writer *w;
    f->options = small_options(name);
    succeeds(recipe_apply(r, f->options));
    succeeds(recipe_config(r, f->options, 24, &f->config, &notes));
    mem_free(notes);
    succeeds(param_table_make(&f->config, &f->table));
    f->values = MEM_ARRAY(real, f->table.elements);
    gradient_fill(f->values, f->table.elements, 1, 1);
    succeeds(safetensors_writer_open(path, true, &w));
    succeeds(model_declare_values(w, "m.", &f->config, &f->table, false));
    const values_source values = values_in_memory(f->values);
    succeeds(model_put_values(w, &f->table, &values, false));
    succeeds(safetensors_writer_commit(w));
    succeeds(safetensors_open(path, &f->file));
}

static void close_case(fixture *f)
{
    safetensors_close(f->file);
    mem_free(f->values);
    param_table_free(&f->table);
    model_config_free(&f->config);
    cadre_options_free(f->options);
}

static const param *same_of(const param_table *t, const param *p)
{
    for (int64_t i = 0; i < t->count; i++) {
        const param *q = &t->rows[i];
        if (q->role == p->role && q->layer == p->layer && q->expert == p->expert) return q;
    }
    fail_msg("role %d is in no whole model", (int)p->role);
    return NULL;
}

static void check_share(const fixture *f, const param_share *share)
{
    param_table t;
    succeeds(param_table_make_share(&f->config, share, &t));
    real *values = MEM_ARRAY(real, t.elements);
    succeeds(model_take_values(f->file, "m.", &f->config, &t, false, values));
    for (int64_t i = 0; i < t.count; i++) {
        const param *p = &t.rows[i];
        const real *whole = f->values + same_of(&f->table, p)->offset;
        for (int64_t k = 0; k < p->rows * p->cols; k++)
            if ((float)values[p->offset + k] != (float)whole[param_elements_before(p) + k])
                fail_msg("role %d of layer %d, expert %d", (int)p->role, p->layer, p->expert);
    }
    mem_free(values);
    param_table_free(&t);
}

/* Files know no ranks: whoever wrote one, any share of it is there. */
static void test_a_share_is_read_from_the_whole(void **state)
{
    (void)state;
    static const char *const names[] = { "olmoe", "deepseek-v3", "switch" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        fixture f;
        open_case(&f, names[i]);
        for (int32_t r = 0; r < 4; r++)
            check_share(
                &f, &(param_share){ .slice = r / 2, .slices = 2, .group = r % 2, .groups = 2 });
        check_share(&f, &(param_share){ .slice = 0, .slices = 1, .group = 0, .groups = 1 });
        check_share(&f, &(param_share){ .slice = 0, .slices = 1, .group = 2, .groups = 3 });
        close_case(&f);
    }
}

/* A family whose files hold the gains of a norm less 1 */
static void test_gains_are_stored_less_one(void **state)
{
    (void)state;
    fixture f;
    static const tensor_name names[] = { { ROLE_OUT_NORM, "model.norm.weight", TENSOR_LESS_ONE },
        { 0 } };
    const char *path = scratch_file("model.safetensors");
    safetensors_writer *w;
    const safetensors_tensor *t;
    hash128 hash;
    int64_t gain = 0;
    open_case(&f, "olmoe");
    architecture family = *f.config.arch;
    family.hf.tensors = names;
    f.config.arch = &family;
    while (f.table.rows[gain].role != ROLE_OUT_NORM) gain++;
    const param *p = &f.table.rows[gain];
    real *read = MEM_ARRAY(real, f.table.elements), *values = f.values + p->offset;
    safetensors_close(f.file);
    const values_source source = values_in_memory(f.values);
    succeeds(model_write_pending(path, &f.config, &f.table, &number_f32, &source, &w, &hash));
    succeeds(safetensors_writer_commit(w));
    succeeds(safetensors_open(path, &f.file));
    succeeds(safetensors_get_as(f.file, "model.norm.weight", "F32", 1, &p->cols, &t));
    for (int64_t i = 0; i < p->cols; i++) {
        float stored;
        memcpy(&stored, t->data + 4 * i, sizeof stored);
        assert_true(stored == (float)values[i] - 1);
    }
    succeeds(model_read_values(scratch_folder(), &f.config, &f.table, read));
    for (int64_t i = 0; i < p->cols; i++)
        assert_true((float)read[p->offset + i] == (float)values[i] - 1 + 1);
    mem_free(read);
    close_case(&f);
}

/* Decays of a state space, which GGUF files hold as - exp of what is trained */
static void test_elements_are_stored_by_their_exp(void **state)
{
    (void)state;
    const unsigned form = TENSOR_EXP | TENSOR_NEGATED;
    for (float a = -9; a < 9; a += 0.00137f) {
        assert_true(fabsf(tensor_form_stored(form, a) + expf(a)) < 1e-6f * expf(a));
        assert_true(fabsf(tensor_form_stored(TENSOR_EXP, a) - expf(a)) < 1e-6f * expf(a));
        float stored = tensor_form_stored(form, a), back = tensor_form_element(form, stored);
        assert_true(fabsf(back - a) < 1e-6f * 9);
        assert_true(tensor_form_stored(form, back) == stored); /* no bit of what is computed */
    }
    assert_true(isnan(tensor_form_element(form, 1)) && isnan(tensor_form_element(form, 0)));
    assert_true(isnan(tensor_form_element(TENSOR_EXP, -1)));
}

/* A rank reads its rows of a model's tensors. */
static void test_a_share_is_read_from_a_model(void **state)
{
    (void)state;
    fixture f;
    safetensors_writer *w;
    hash128 hash;
    param_table t;
    open_case(&f, "olmoe");
    const values_source source = values_in_memory(f.values);
    succeeds(model_write_pending(
        scratch_file("model.safetensors"), &f.config, &f.table, &number_f32, &source, &w, &hash));
    succeeds(safetensors_writer_commit(w));
    for (int32_t slice = 0; slice < 2; slice++) {
        const param_share share = { .slice = slice, .slices = 2, .groups = 1 };
        succeeds(param_table_make_share(&f.config, &share, &t));
        real *values = MEM_ARRAY(real, t.elements);
        succeeds(model_read_values(scratch_folder(), &f.config, &t, values));
        for (int64_t i = 0; i < t.count; i++) {
            const param *p = &t.rows[i];
            const real *whole = f.values + same_of(&f.table, p)->offset + param_elements_before(p);
            for (int64_t k = 0; k < p->rows * p->cols; k++)
                assert_true((float)values[p->offset + k] == (float)whole[k]);
        }
        mem_free(values);
        param_table_free(&t);
    }
    close_case(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_share_is_read_from_the_whole),
        cmocka_unit_test(test_gains_are_stored_less_one),
        cmocka_unit_test(test_a_share_is_read_from_a_model),
        cmocka_unit_test(test_elements_are_stored_by_their_exp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
