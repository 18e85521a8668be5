/* model_path_test.c - what a person may have meant by a path that holds no model, said in a line
 * after the error. */
#define _GNU_SOURCE
#include "format/model_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "support/small_run.h"
#include "support/succeeds.h"

static char top[64];

static int setup(void **state)
{
    (void)state;
    snprintf(top, sizeof top, "/tmp/model_path_test-XXXXXX");
    return mkdtemp(top) ? 0 : 1;
}

static int teardown(void **state)
{
    (void)state;
    small_remove(top);
    return 0;
}

/* A file of the test's folder, with the folders that it lies in. */
static void make(const char *name, const char *content)
{
    char *path = file_join(top, name), *folder = mem_strdup(path);
    *strrchr(folder, '/') = 0;
    succeeds(file_make_folder(folder));
    succeeds(file_write(path, content, strlen(content)));
    mem_free(folder);
    mem_free(path);
}

/* The line of advice for a path; "" where there is none. The error itself stays. */
static const char *advice_for(const char *path)
{
    cadre_fail(CADRE_EIO, path, "no such luck");
    model_path_advise(path);
    const char *said = cadre_last_error(), *line = strchr(said, '\n');
    size_t size = strlen(path);
    assert_memory_equal(said, path, size);
    assert_memory_equal(said + size, ": no such luck", strlen(": no such luck"));
    assert_true(said[size + strlen(": no such luck")] == (line ? '\n' : 0));
    return line ? line + 1 : "";
}

/* Of a name in the test's folder; each @ in `wanted` is that folder. */
static void advises(const char *name, const char *wanted)
{
    char *path = file_join(top, name), expected[1000];
    size_t used = 0;
    for (const char *c = wanted; *c; c++)
        if (*c == '@') used += (size_t)sprintf(expected + used, "%s", top);
        else expected[used++] = *c;
    expected[used] = 0;
    assert_string_equal(advice_for(path), expected);
    mem_free(path);
}

static void a_name_of_the_hub_is_fetched(void **state)
{
    (void)state;
    static const struct {
        const char *path, *name, *last;
    } hub[] = { { "allenai/OLMoE-1B-7B", "allenai/OLMoE-1B-7B", "OLMoE-1B-7B" },
        { "hf.co/a_b/c.d", "a_b/c.d", "c.d" }, { "hf://a/b", "a/b", "b" },
        { "huggingface.co/a/b/tree/main", "a/b", "b" },
        { "https://huggingface.co/Qwen/Qwen3-30B-A3B", "Qwen/Qwen3-30B-A3B", "Qwen3-30B-A3B" },
        { "https://hf.co/a/b@main", "a/b", "b" }, { "a/b:Q4_K_M", "a/b", "b" },
        { "a/b@v1", "a/b", "b" } };
    for (size_t i = 0; i < sizeof hub / sizeof *hub; i++) {
        char expected[400];
        snprintf(expected, sizeof expected,
            "cadre opens what is on this machine: `hf download %s --local-dir %s` fetches a model "
            "from the Hugging Face Hub",
            hub[i].name, hub[i].last);
        assert_string_equal(advice_for(hub[i].path), expected);
    }
}

static void other_paths_are_no_names_of_the_hub(void **state)
{
    (void)state;
    static const char *const none[] = { "model", "a/b/c", "/a/b", "./a/b", "../b", "a/", "a b/c",
        "a/b c", "hf.co/a", "https://example.org/a/b", "" };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_string_equal(advice_for(none[i]), "");
}

static void advice_that_is_there_stays(void **state)
{
    (void)state;
    cadre_fail(CADRE_EIO, "a/b", "no such luck");
    cadre_fail_advice("try something else");
    model_path_advise("a/b");
    assert_string_equal(cadre_last_error(), "a/b: no such luck\ntry something else");
}

static void a_folder_of_gguf_files_names_one(void **state)
{
    (void)state;
    make("one/model-Q4.GGUF", "x");
    make("one/readme.md", "x");
    advises("one", "The folder holds a GGUF file: @/one/model-Q4.GGUF");
    make("two/b.gguf", "x");
    make("two/a.gguf", "x");
    advises("two", "The folder holds 2 GGUF files, such as @/two/a.gguf");
    make("split/m-00002-of-00003.gguf", "x");
    make("split/m-00001-of-00003.gguf", "x");
    make("split/m-00003-of-00003.gguf", "x");
    advises("split", "The folder holds a GGUF file: @/split/m-00001-of-00003.gguf");
    make("none/a.gguf.part", "x");
    advises("none", "");
}

static void a_download_cache_leads_to_the_model(void **state)
{
    (void)state;
    make("hub/models--a--b/snapshots/111/config.json", "{}");
    make("hub/models--a--b/snapshots/222/config.json", "{}");
    advises("hub/models--a--b",
        "This is a download cache; the model is in @/hub/models--a--b/snapshots/222");
    make("hub/models--a--b/refs/main", "111\n");
    advises("hub/models--a--b",
        "This is a download cache; the model is in @/hub/models--a--b/snapshots/111");
    make("hub/models--a--b/refs/main", "333\n"); /* not there: the last that is */
    advises("hub/models--a--b",
        "This is a download cache; the model is in @/hub/models--a--b/snapshots/222");
    make("hub/models--a--b/111", "x");
    make("hub/models--a--b/refs/main", "../111");
    advises("hub/models--a--b",
        "This is a download cache; the model is in @/hub/models--a--b/snapshots/222");
}

static void a_folder_of_downloads_leads_to_the_first(void **state)
{
    (void)state;
    make("home/hub/models--z--z/snapshots/9/config.json", "{}");
    make("home/hub/models--b--b/snapshots/5/config.json", "{}");
    make("home/hub/datasets--a--a/snapshots/1/data", "x");
    make("home/hub/models--a--empty/refs/main", "1");
    const char *const wanted = "This is a folder of downloads, of which one is "
                               "@/home/hub/models--b--b/snapshots/5";
    advises("home/hub", wanted);
    advises("home", wanted);
}

static void weights_in_another_form_are_named(void **state)
{
    (void)state;
    make("pickle/config.json", "{}");
    make("pickle/pytorch_model.bin", "x");
    advises("pickle", "The folder has its weights as a pickle, pytorch_model.bin, which is a "
                      "program and is not run: convert it to safetensors");
    make("torch/config.json", "{}");
    make("torch/consolidated.00.pth", "x");
    advises("torch", "The folder has its weights as a pickle, consolidated.00.pth, which is a "
                     "program and is not run: convert it to safetensors");
    make("ggufs/config.json", "{}");
    make("ggufs/m.gguf", "x");
    advises("ggufs", "The folder holds a GGUF file: @/ggufs/m.gguf");
    make("odd/config.json", "{}");
    make("odd/weights.safetensors", "x");
    advises("odd", "Of weights, model.safetensors or the files that model.safetensors.index.json "
                   "names are read; the folder has weights.safetensors");
    make("bare/config.json", "{}");
    advises("bare", "");
}

static void a_tokenizer_in_another_form_is_named(void **state)
{
    (void)state;
    const char *const wanted =
        "Of tokenizers, tokenizer.json is read; the folder has tokenizer.model, of which "
        "transformers' AutoTokenizer makes one with save_pretrained";
    make("m/config.json", "{}");
    make("m/model.safetensors.index.json", "{}");
    make("m/pytorch_model.bin", "x"); /* beside weights that are read */
    advises("m", "");
    make("m/tokenizer.model", "x");
    advises("m", wanted);
    make("m/tokenizer.json", "{}");
    advises("m", "");
    make("n/config.json", "{}");
    make("n/model.safetensors", "x");
    make("n/tokenizer.model", "x");
    advises("n", wanted);
}

static void a_file_of_a_models_folder_leads_to_the_folder(void **state)
{
    (void)state;
    static const char *const parts[] = { "m/config.json", "m/model.safetensors",
        "m/pytorch_model.bin" };
    for (int i = 0; i < 3; i++) make(parts[i], "x");
    for (int i = 0; i < 3; i++)
        advises(parts[i], "A model that is a folder is opened by the folder's name: @/m");
    make("m/notes.txt", "x");
    advises("m/notes.txt", "");
    make("alone/model.safetensors", "x");
    advises("alone/model.safetensors", "");
}

static void looking_around_leaves_nothing(void **state)
{
    (void)state;
    make("home/hub/models--b--b/snapshots/5/config.json", "{}");
    make("home/hub/models--b--b/refs/main", "5");
    make("m/config.json", "{}");
    make("m/pytorch_model.bin", "x");
    static const char *const names[] = { "home", "home/hub/models--b--b", "m", "m/config.json" };
    int64_t before = mem_balance();
    for (int i = 0; i < 4; i++) {
        char *path = file_join(top, names[i]);
        for (long n = 0; n < 40; n++) {
            cadre_fail(CADRE_EIO, path, "no such luck");
            mem_fail_at(n, false);
            model_path_advise(path);
            mem_fail_at(0, false);
            assert_non_null(strstr(cadre_last_error(), ": no such luck"));
        }
        mem_free(path);
    }
    assert_int_equal(mem_balance(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_of_the_hub_is_fetched),
        cmocka_unit_test(other_paths_are_no_names_of_the_hub),
        cmocka_unit_test(advice_that_is_there_stays),
        cmocka_unit_test_setup_teardown(a_folder_of_gguf_files_names_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_download_cache_leads_to_the_model, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_of_downloads_leads_to_the_first, setup, teardown),
        cmocka_unit_test_setup_teardown(weights_in_another_form_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tokenizer_in_another_form_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_file_of_a_models_folder_leads_to_the_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(looking_around_leaves_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
