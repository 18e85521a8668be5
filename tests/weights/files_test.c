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
#include "base/file.h"
#include "base/memory.h"
#include "support/family.h"
#include "support/gradient.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"
#include "support/thread_comm.h"

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
    succeeds(safetensors_writer_open(path, false, &w));
    succeeds(model_write(w, &f.config, &f.table, &number_f32, &source));
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
    param_table t;
    open_case(&f, "olmoe");
    const values_source source = values_in_memory(f.values);
    succeeds(safetensors_writer_open(scratch_file("model.safetensors"), false, &w));
    succeeds(model_write(w, &f.config, &f.table, &number_f32, &source));
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

/* ---- several ranks write one file ---- */

enum { RANKS = 3 };

typedef struct writing {
    const char *path;
    const model_config *config;
    const param_table *table;
    const number_format *format;
    const real *values;
    bool wrong[RANKS];
    size_t bytes[RANKS];
    hash128 hash;
} writing;

typedef struct writer {
    const writing *of;
    int rank;
} writer;

/* Every fifth parameter belongs to one rank, and the others are cut into thirds, within rows. */
static held_values hold_third(const void *arg, const param *p)
{
    const writer *w = arg;
    int64_t size = p->rows * p->cols, first = size * w->rank / RANKS,
            end = size * (w->rank + 1) / RANKS;
    if (p->index % 5 == 0) {
        first = 0;
        end = p->index / 5 % RANKS == w->rank ? size : 0;
    }
    return (held_values){ { first, end }, w->of->values + p->offset + first };
}

static void write_share(comm *world, void *arg)
{
    writing *w = arg;
    const writer own = { w, world->rank };
    const values_source source = { .held = hold_third, .arg = &own };
    safetensors_writer *file;
    hash128 hash;
    int blind;
    cadre_status status = safetensors_writer_open_among(w->path, false, world, &file, &blind);
    if (status == CADRE_OK) {
        status = model_write(file, w->config, w->table, w->format, &source);
        if (status == CADRE_OK) status = safetensors_writer_finish(file, &hash);
        if (world->rank == 0) w->hash = hash;
        w->bytes[world->rank] = safetensors_writer_written(file);
        if (status == CADRE_OK) status = safetensors_writer_commit(file);
        else safetensors_writer_discard(file);
    }
    w->wrong[world->rank] = status != CADRE_OK;
}

static void compare_files(const char *type, const writing *w, const char *one)
{
    hash128 of_one, of_many;
    size_t bytes = 0;
    succeeds(hash_file(one, &of_one));
    succeeds(hash_file(w->path, &of_many));
    if (!hash_equal(of_one, of_many) || !hash_equal(of_many, w->hash))
        fail_msg("%s in %s: the file differs", type, w->format->name);
    for (int i = 0; i < RANKS; i++) {
        if (!w->bytes[i]) fail_msg("%s: rank %d has written nothing", type, i);
        bytes += w->bytes[i];
    }
    assert_int_equal(bytes, file_bytes(w->path));
}

/* Tensors of several parameters, transposed and interleaved ones, and ones that are stored as
 * functions of the parameters are among them. */
static void test_ranks_write_one_file(void **state)
{
    (void)state;
    static const struct {
        const char *type, *members;
    } families[] = { { "olmoe", "" }, { "deepseek_v3", "" }, { "gpt_oss", "" },
        { "granitemoe", "" }, { "granitemoehybrid", "\"mamba_n_heads\": 8" }, { "qwen3_next", "" },
        { "qwen3_vl_moe", "" }, { "nemotron_h", "" }, { "grok", "" }, { "qwen3_5_moe_text", "" },
        { "deepseek_v2", "" }, { "lfm2_moe", "" }, { "mixtral", "" }, { "llama", "" } };
    static const number_format *const formats[] = { &number_f32, &number_bf16 };
    for (size_t i = 0; i < 2 * sizeof families / sizeof *families; i++) {
        const char *type = families[i / 2].type;
        model_config config = family_config(type, families[i / 2].members);
        param_table table;
        safetensors_writer *alone;
        succeeds(param_table_make(&config, &table));
        real *values = MEM_ARRAY(real, table.elements);
        gradient_fill(values, table.elements, 1, 1);
        for (int64_t k = 0; k < table.elements; k++) values[k] = REAL_C(1.5) + values[k] / 4;
        const values_source source = values_in_memory(values);
        const char *one = scratch_file("one.safetensors");
        writing w = { .path = scratch_file("many.safetensors"),
            .config = &config,
            .table = &table,
            .format = formats[i % 2],
            .values = values };
        succeeds(safetensors_writer_open(one, false, &alone));
        succeeds(model_write(alone, &config, &table, w.format, &source));
        succeeds(safetensors_writer_commit(alone));
        succeeds(thread_comm_run(RANKS, 60, write_share, &w));
        for (int r = 0; r < RANKS; r++)
            if (w.wrong[r]) fail_msg("%s on rank %d", type, r);
        compare_files(type, &w, one);
        mem_free(values);
        param_table_free(&table);
        model_config_free(&config);
    }
}

/* Qwen3-VL's experts are published transposed, and written by transformers 5 as rows. */
static void test_experts_may_lie_in_either_order(void **state)
{
    (void)state;
    model_config config = family_config("qwen3_vl_moe", "\"moe_intermediate_size\": 20");
    const architecture *published = config.arch;
    architecture rows = *published;
    tensor_name names[8] = { { 0 } };
    param_table table;
    for (int i = 0; published->hf.tensors[i].pattern; i++) {
        names[i] = published->hf.tensors[i];
        names[i].form &= ~(unsigned)(TENSOR_TRANSPOSED | TENSOR_MAY_BE_ROWS);
    }
    rows.hf.tensors = names;
    succeeds(param_table_make(&config, &table));
    real *values = MEM_ARRAY(real, table.elements), *read = MEM_ARRAY(real, table.elements);
    gradient_fill(values, table.elements, 1, 1);
    for (int i = 0; i < 2; i++) {
        const values_source source = values_in_memory(values);
        safetensors_writer *w;
        config.arch = i ? &rows : published;
        succeeds(safetensors_writer_open(scratch_file("model.safetensors"), false, &w));
        succeeds(model_write(w, &config, &table, &number_f32, &source));
        succeeds(safetensors_writer_commit(w));
        config.arch = published;
        succeeds(model_read_values(scratch_folder(), &config, &table, read));
        for (int64_t r = 0; r < table.count; r++) {
            const param *p = &table.rows[r];
            for (int64_t k = 0; k < p->rows * p->cols; k++)
                if ((float)read[p->offset + k] != (float)values[p->offset + k])
                    fail_msg("file %d, role %d of layer %d", i, (int)p->role, p->layer);
        }
    }
    mem_free(values);
    mem_free(read);
    param_table_free(&table);
    model_config_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_share_is_read_from_the_whole),
        cmocka_unit_test(test_gains_are_stored_less_one),
        cmocka_unit_test(test_experts_may_lie_in_either_order),
        cmocka_unit_test(test_a_share_is_read_from_a_model),
        cmocka_unit_test(test_ranks_write_one_file),
        cmocka_unit_test(test_elements_are_stored_by_their_exp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
