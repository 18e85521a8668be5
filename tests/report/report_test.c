/* report_test.c - whole pages: well-formed for every kind of run, nothing in a file breaks out of
 * them, what is wrong is named. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "cadre.h"
#include "report/markup.h"
#include "report/synthetic.h"

static char folder[256]; /* where pages go: $CADRE_REPORT_KEEP, or one that is removed */

static char *in_folder(const char *name) { return file_join(folder, name); }

static char *page_of(const char *run)
{
    char *out = in_folder("report.html"), *page;
    size_t size;
    cadre_status status = cadre_report_write(run, out);
    if (status != CADRE_OK) fail_msg("%s", cadre_last_error());
    assert_int_equal(file_read(out, 64 << 20, &page, &size), CADRE_OK);
    markup m;
    if (!markup_check(&m, page)) fail_msg("%s", m.complaint);
    mem_free(out);
    return page;
}

static void assert_holds(const char *page, const char *text)
{
    if (!strstr(page, text)) fail_msg("the page lacks \"%s\"", text);
}

static void assert_lacks(const char *page, const char *text)
{
    if (strstr(page, text)) fail_msg("the page holds \"%s\"", text);
}

static void write_file(const char *run, const char *name, const char *text)
{
    char *path = file_join(run, name);
    assert_int_equal(file_write(path, text, strlen(text)), CADRE_OK);
    mem_free(path);
}

static void remove_file(const char *run, const char *name)
{
    char *path = file_join(run, name);
    assert_int_equal(file_remove(path), CADRE_OK);
    mem_free(path);
}

#define LAYERS                                                                                     \
    "\"sparse_layers\":[{\"layer\":0,\"experts\":2,\"topk\":1},{\"layer\":3,\"experts\":3,"        \
    "\"topk\":2}]"
#define TOKEN(text) "{\"text\":\"" text "\",\"experts\":[[1],[2,0]],\"weights\":[[1],[0.3,0.7]]}"

/* A folder with run.json alone. */
static char *bare_run(const char *name)
{
    char *run = in_folder(name);
    assert_int_equal(file_make_folder(run), CADRE_OK);
    write_file(run, "run.json", "{\"recipe\":\"olmoe\"," LAYERS "}");
    return run;
}

static void whole_run(void **state)
{
    (void)state;
    synthetic sizes = { .layers = 3,
        .experts = 16,
        .picks = 2,
        .domains = 8,
        .steps = 200,
        .tokens = 60,
        .drops = true };
    char *run = in_folder("whole");
    synthetic_run(run, &sizes);
    char *page = page_of(run);
    static const char *const id[] = { "learning", "domains", "experts", "passages", "load",
        "balance", "together", "compression", "samples", "options" };
    for (size_t i = 0; i < sizeof id / sizeof *id; i++) {
        char section[40];
        snprintf(section, sizeof section, "<section id=\"%s\">", id[i]);
        assert_holds(page, section);
    }
    assert_holds(page, "<h1>mixtral</h1>");
    assert_holds(page, "xz -9e");
    assert_holds(page, "lang=\"zh-cn\"");
    assert_holds(page, "of 3.00 bits");
    assert_holds(page, "by chance 0.0125 ± 0.0031");
    assert_holds(page, "<title>whole on the texts, 2026-01-02 03:04 UTC – cadre report</title>");
    assert_holds(page, "<code><span>cadre</span> <span>train</span> <span>--recipe</span> "
                       "<span>mixtral</span> <span>--data</span> <span>&#39;the</span> "
                       "<span>texts&#39;</span></code>");
    assert_holds(page, "<q>␣×3↵</q>");
    assert_holds(page, "more than↵<b> one</b> line");
    mem_free(page);
    mem_free(run);
}

/* Every picture has a name for its files, and its numbers as a table. */
static void numbers_under_every_picture(void **state)
{
    (void)state;
    synthetic sizes = {
        .layers = 2, .experts = 6, .picks = 2, .domains = 3, .steps = 20, .tokens = 30
    };
    char *run = in_folder("numbers");
    synthetic_run(run, &sizes);
    char *page = page_of(run);
    int pictures = 0;
    for (char *at = page; (at = strstr(at, "<figure class=\"picture")) != NULL; pictures++) {
        char *end = strstr(at, "</figure>"), *table = strstr(at, "<table");
        if (!table || table > end) fail_msg("no table in %.60s", at);
        assert_true(strstr(at, " data-name=\"") < end);
        at = end;
    }
    /* loss and five beside it; of each layer who took what, top tokens, load over time, pairs;
     * passages; load, balance, bits */
    assert_int_equal(pictures, 6 + 4 * 2 + 3 + 3);
    mem_free(page);
    mem_free(run);
}

static void stays_small(void **state)
{
    (void)state;
    synthetic sizes = {
        .layers = 16, .experts = 64, .picks = 8, .domains = 8, .steps = 500, .tokens = 160
    };
    char *run = in_folder("large"), *page;
    synthetic_run(run, &sizes);
    page = page_of(run);
    assert_true(strlen(page) < 3000000);
    assert_holds(page, "too many for a page");
    mem_free(page);
    mem_free(run);
}

static void needs_no_network(void **state)
{
    (void)state;
    char *run = bare_run("alone"), *page = page_of(run);
    assert_lacks(page, "@import");
    assert_lacks(page, "url(");
    assert_lacks(page, "https:");
    char *http = strstr(page, "http:"); /* the name space of SVG is not an address */
    assert_non_null(http);
    assert_memory_equal(http, "http://www.w3.org/2000/svg", 26);
    assert_lacks(http + 1, "http:");
    mem_free(page);
    mem_free(run);
}

static void optional_files(void **state)
{
    (void)state;
    synthetic sizes = {
        .layers = 2, .experts = 4, .picks = 1, .domains = 3, .steps = 30, .tokens = 20
    };
    char *run = in_folder("optional");
    static const char *const file[] = { "compare.json", "analysis.json", "metrics.jsonl" };
    static const char *const gone[] = { "xz -9e", "<section id=\"domains\">",
        "<section id=\"learning\">" };
    synthetic_run(run, &sizes);
    for (int i = 0; i < 3; i++) {
        remove_file(run, file[i]);
        char *page = page_of(run);
        assert_lacks(page, gone[i]);
        assert_holds(page, "<h1>mixtral</h1>");
        mem_free(page);
    }
    mem_free(run);
}

static void one_step(void **state)
{
    (void)state;
    char *run = bare_run("one-step");
    write_file(run, "metrics.jsonl",
        "{\"step\":1,\"loss\":4,\"max_vio\":[0,0.5],\"dead\":[0,1],\"loads\":[[4,4],[0,9,7]],"
        "\"valid_loss\":4.5}\n");
    char *page = page_of(run);
    assert_holds(page, "<section id=\"learning\">");
    assert_holds(page, "1 of 5 experts got nothing");
    mem_free(page);
    mem_free(run);
}

static void one_expert(void **state)
{
    (void)state;
    synthetic sizes = {
        .layers = 1, .experts = 1, .picks = 1, .domains = 1, .steps = 3, .tokens = 5
    };
    char *run = in_folder("one-expert");
    synthetic_run(run, &sizes);
    char *page = page_of(run);
    assert_holds(page, "1 sparse layer of 1 expert, 1 for each token");
    assert_lacks(page, "of 0.00 bits"); /* one domain: there is nothing to tell */
    mem_free(page);
    mem_free(run);
}

/* Files of older programs do not say it. */
static void routers_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *layers, *words;
    } cases[] = {
        { "{\"layer\":1,\"experts\":4,\"topk\":2,\"router\":\"sigmoid-bias\"},"
          "{\"layer\":2,\"experts\":4,\"topk\":2,\"router\":\"sigmoid-bias\"}",
            "2 sparse layers of 4 experts, 2 for each token; router sigmoid-bias." },
        { "{\"layer\":0,\"experts\":4,\"topk\":2,\"router\":\"hash\"},"
          "{\"layer\":1,\"experts\":4,\"topk\":2,\"router\":\"softmax\"},"
          "{\"layer\":3,\"experts\":4,\"topk\":2,\"router\":\"softmax\"}",
            "; routers hash (layer 0), softmax (layers 1 to 3)." },
        { "{\"layer\":0,\"experts\":4,\"topk\":2,\"router\":\"<b>\"},"
          "{\"layer\":1,\"experts\":4,\"topk\":2}",
            "; routers &lt;b&gt; (layer 0), unknown (layer 1)." },
        { "{\"layer\":0,\"experts\":4,\"topk\":2}", "of 4 experts, 2 for each token." },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        char *run = bare_run("routers");
        snprintf(
            text, sizeof text, "{\"recipe\":\"olmoe\",\"sparse_layers\":[%s]}", cases[i].layers);
        write_file(run, "run.json", text);
        char *page = page_of(run);
        assert_holds(page, cases[i].words);
        mem_free(page);
        remove_file(run, "run.json");
        rmdir(run);
        mem_free(run);
    }
}

static void losses_that_are_not(void **state)
{
    (void)state;
    char *run = bare_run("not-finite");
    write_file(run, "metrics.jsonl",
        "{\"step\":1,\"loss\":null}\n{\"step\":2,\"loss\":1e300}\n"
        "{\"step\":3,\"loss\":-1e300,\"lr\":0}\n{\"step\":4}\n");
    char *page = page_of(run);
    assert_holds(page, "2 steps logged no finite loss");
    assert_lacks(page, ">nan");
    assert_lacks(page, ">-nan");
    mem_free(page);
    mem_free(run);
}

static void hostile_text(void **state)
{
    (void)state;
    static const char evil[] = "</script><img src=x onerror=alert(1)>\\\"' &amp; \\u0001\\u202e";
    char *run = in_folder("evil \"'<b>&"), text[4096];
    assert_int_equal(file_make_folder(run), CADRE_OK);
    snprintf(text, sizeof text,
        "{\"recipe\":\"%s\",\"model_type\":\"%s\"," LAYERS
        ",\"command\":\"%s\",\"date\":\"%s\",\"data_paths\":[\"%s\",7],\"options\":{\"%s\":\"%"
        "s\",\"list\":[\"%s\",1,null,[2]]}}",
        evil, evil, evil, evil, evil, evil, evil, evil);
    write_file(run, "run.json", text);
    snprintf(text, sizeof text,
        "{\"domains\":[{\"name\":\"%s\",\"bytes\":5,\"bits_per_byte\":2},{\"name\":\"\"}],"
        "\"top_tokens\":[[[{\"text\":\"<b>\",\"count\":1,\"of\":1,\"contexts\":[[\"</"
        "q>\",\"\\u0001\",\"\\u0000\"]]}],[]],[[],[],[]]],"
        "\"domain_expert\":[[[1,2],[0,0]],[[0,0,0],[1,0,0]]],\"passages\":[{\"domain\":\"%s\","
        "\"tokens\":[" TOKEN("%s") "," TOKEN("") "," TOKEN("a\\nb") "," TOKEN(
            "\\u0000") "]}],"
                       "\"samples\":[{\"domain\":\"%s\",\"prompt\":\"%s\",\"text\":\"%s\"}]}",
        evil, evil, evil, evil, evil, evil);
    write_file(run, "analysis.json", text);
    snprintf(text, sizeof text,
        "[{\"name\":\"%s\",\"note\":\"%s\",\"domains\":{\"%s\":3,\"other\":1}}]", evil, evil, evil);
    write_file(run, "compare.json", text);
    /* Every raw <, >, quote or control character would be found by the reader of markup */
    char *page = page_of(run);
    assert_lacks(page, "<img");
    assert_holds(page, "&lt;img src=x onerror=alert(1)&gt;&quot;&#39; &amp;amp; \xEF\xBF\xBD");
    mem_free(page);
    mem_free(run);
}

/* What lies in a run's file, and what the refusal must name. */
static const struct bad_file {
    const char *name, *text, *word;
} bad_file[] = {
    { "run.json", "{", "run.json" },
    { "run.json", "[]", "object" },
    { "run.json", "{}", "sparse_layers" },
    { "run.json", "{\"sparse_layers\":[{\"layer\":0,\"experts\":0,\"topk\":1}]}", "experts" },
    { "run.json", "{\"sparse_layers\":[{\"layer\":0,\"experts\":1000000000,\"topk\":1}]}",
        "experts" },
    { "run.json", "{\"sparse_layers\":[{\"layer\":0,\"experts\":4,\"topk\":5}]}", "topk" },
    { "run.json", "{\"recipe\":7," LAYERS "}", "recipe" },
    { "run.json", "{\"parameters\":-1," LAYERS "}", "parameters" },
    { "run.json", "{\"options\":[]," LAYERS "}", "options" },
    { "metrics.jsonl", "{\"step\":1}\n{\"step\":\"x\"}\n", "metrics.jsonl:2: step" },
    { "metrics.jsonl", "{\"step\":1}\n{\"step\":2\n{\"step\":3}\n", "metrics.jsonl:2" },
    { "metrics.jsonl", "{\"step\":-1}\n", "step" },
    { "metrics.jsonl", "{\"step\":1e300}\n", "step" },
    { "metrics.jsonl", "{\"step\":1,\"loss\":\"low\"}\n", "loss" },
    { "metrics.jsonl", "{\"step\":1,\"loads\":[[1,2]]}\n", "loads" },
    { "metrics.jsonl", "{\"step\":1,\"loads\":[[1,2],[1,2]]}\n", "loads[1]" },
    { "metrics.jsonl", "{\"step\":1,\"loads\":[[1,2],[1,2,-3]]}\n", "loads[1][2]" },
    { "metrics.jsonl", "{\"step\":1,\"dead\":[1]}\n", "dead" },
    { "metrics.jsonl", "{\"step\":1,\"max_vio\":[1,{}]}\n", "max_vio[1]" },
    { "analysis.json", "[]", "analysis.json" },
    { "analysis.json", "{\"domains\":[{}]}", "domains[0].name" },
    { "analysis.json", "{\"domains\":[{\"name\":\"a\",\"bytes\":-1}]}", "domains[0].bytes" },
    { "analysis.json", "{\"domains\":[{\"name\":\"a\"}],\"domain_expert\":[]}", "domain_expert" },
    { "analysis.json", "{\"domains\":[{\"name\":\"a\"}],\"domain_expert\":[[[1,2]],[[1,2]]]}",
        "domain_expert[1][0]" },
    { "analysis.json", "{\"domains\":[{\"name\":\"a\"}],\"domain_expert\":[[[1,2]],[[1,2,1e18]]]}",
        "domain_expert[1][0][2]" },
    { "analysis.json", "{\"shuffled_domains\":{}}", "shuffled_domains.bits" },
    { "analysis.json", "{\"shuffled_domains\":{\"bits\":[{\"mean\":0,\"deviation\":0}]}}",
        "shuffled_domains.bits" },
    { "analysis.json",
        "{\"domains\":[{\"name\":\"a\"}],\"domain_expert\":[[[1,2]],[[1,2,3]]],\"together\":[[[],[-"
        "1]"
        "],[[],[1],[1,2]]]}",
        "together[0][1][0]" },
    { "analysis.json",
        "{\"domains\":[{\"name\":\"a\"}],\"domain_expert\":[[[1,2]],[[1,2,3]]],\"together\":[[[],["
        "1]]"
        ",[[],[1],[1]]]}",
        "together[1][2]" },
    { "analysis.json", "{\"top_tokens\":[[[],[]]]}", "top_tokens" },
    { "analysis.json", "{\"top_tokens\":[[[],[{\"text\":\"a\",\"count\":3,\"of\":2}]],[[],[],[]]]}",
        "top_tokens[0][1][0].count" },
    { "analysis.json",
        "{\"top_tokens\":[[[],[{\"text\":\"a\",\"count\":1,\"of\":2,\"contexts\":[[\"a\"]]}]],[[],["
        "],"
        "[]]]}",
        "contexts[0]" },
    { "run.json", "{\"command\":1," LAYERS "}", "command" },
    { "analysis.json", "{\"passages\":[{}]}", "passages[0].tokens" },
    { "analysis.json", "{\"passages\":[{\"tokens\":[{\"experts\":[[0],[1,2]]}]}]}", "text" },
    { "analysis.json", "{\"passages\":[{\"tokens\":[{\"text\":\"a\",\"experts\":[[0]]}]}]}",
        "experts" },
    { "analysis.json", "{\"passages\":[{\"tokens\":[{\"text\":\"a\",\"experts\":[[2],[1,2]]}]}]}",
        "experts[0][0]" },
    { "analysis.json", "{\"passages\":[{\"tokens\":[{\"text\":\"a\",\"experts\":[[0],[1,2,0]]}]}]}",
        "experts[1]" },
    { "analysis.json",
        "{\"passages\":[{\"tokens\":[{\"text\":\"a\",\"experts\":[[0],[1]],\"weights\":[[1],[1,2]]}"
        "]}"
        "]}",
        "weights[1]" },
    { "analysis.json", "{\"samples\":[{\"text\":null}]}", "samples[0].text" },
    { "compare.json", "{}", "compare.json" },
    { "compare.json", "[{\"name\":\"xz\"}]", "[0].domains" },
};

static void refusals(void **state)
{
    (void)state;
    char *run = bare_run("refused"), *out = in_folder("refused.html");
    for (size_t i = 0; i < sizeof bad_file / sizeof *bad_file; i++) {
        const struct bad_file *bad = &bad_file[i];
        write_file(run, bad->name, bad->text);
        assert_int_equal(cadre_report_write(run, out), CADRE_EFORMAT);
        if (!strstr(cadre_last_error(), bad->word))
            fail_msg("%s: expected \"%s\" in: %s", bad->text, bad->word, cadre_last_error());
        assert_false(file_exists(out));
        if (strcmp(bad->name, "run.json")) remove_file(run, bad->name);
        else write_file(run, "run.json", "{" LAYERS "}");
    }
    mem_free(run);
    mem_free(out);
}

static void missing(void **state)
{
    (void)state;
    char *run = in_folder("empty"), *nowhere = in_folder("nowhere"),
         *out = in_folder("missing.html");
    assert_int_equal(file_make_folder(run), CADRE_OK);
    assert_int_equal(cadre_report_write(run, out), CADRE_EIO);
    assert_non_null(strstr(cadre_last_error(), "run.json"));
    assert_int_equal(cadre_report_write(nowhere, out), CADRE_EIO);
    assert_false(file_exists(out));
    mem_free(run);
    mem_free(nowhere);
    mem_free(out);
}

/* ---- two runs ---- */

static char *comparison_of(const char *first, const char *second)
{
    char *out = in_folder("compare.html"), *page;
    size_t size;
    if (cadre_report_compare(first, second, out) != CADRE_OK) fail_msg("%s", cadre_last_error());
    assert_int_equal(file_read(out, 64 << 20, &page, &size), CADRE_OK);
    markup m;
    if (!markup_check(&m, page)) fail_msg("%s", m.complaint);
    mem_free(out);
    return page;
}

static void two_runs(void **state)
{
    (void)state;
    synthetic sizes = {
        .layers = 2, .experts = 8, .picks = 2, .domains = 3, .steps = 40, .tokens = 20
    };
    synthetic other = {
        .layers = 3, .experts = 4, .picks = 1, .domains = 4, .steps = 25, .tokens = 20
    };
    char *a = in_folder("first"), *b = in_folder("second<b>"), *bare = bare_run("third");
    synthetic_run(a, &sizes);
    synthetic_run(b, &other);
    char *page = comparison_of(a, b);
    static const char *const id[] = { "learning", "domains", "load", "options" };
    for (size_t i = 0; i < sizeof id / sizeof *id; i++) {
        char section[40];
        snprintf(section, sizeof section, "<section id=\"%s\">", id[i]);
        assert_holds(page, section);
    }
    assert_holds(page, "second&lt;b&gt;");
    assert_holds(page, ">experts</th><td><code>8, 8</code></td><td><code>4, 4, 4</code></td>");
    assert_holds(page, "1 settings differ, 5 are the same.");
    assert_holds(page, "<title>first on the texts, 2026-01-02 03:04 UTC and second&lt;b&gt; on the "
                       "texts, 2026-01-02 03:04 UTC – cadre report</title>");
    assert_holds(page, ">Data</th><td>de, en, es from <code>the texts</code></td>"
                       "<td>de, en, es, fr from <code>the texts</code></td><td></td></tr>");
    assert_holds(
        page, "><code>cadre train --recipe mixtral --data &#39;the texts&#39;</code></td>");
    mem_free(page);
    mem_free(comparison_of(a, bare)); /* nothing but a shape on one side, then on both */
    mem_free(comparison_of(bare, a));
    mem_free(comparison_of(bare, bare));
    mem_free(a);
    mem_free(b);
    mem_free(bare);
}

static void a_run_and_none(void **state)
{
    (void)state;
    char *run = bare_run("with"), *file = in_folder("none.jsonl"), *out = in_folder("none.html");
    write_file(folder, "none.jsonl", "{\"cadre_routes\":1," LAYERS "}\n");
    assert_int_equal(cadre_report_compare(run, file, out), CADRE_EFORMAT);
    assert_non_null(strstr(cadre_last_error(), "none.jsonl"));
    assert_false(file_exists(out));
    mem_free(run);
    mem_free(file);
    mem_free(out);
}

/* ---- recordings ---- */

static void recording_page(void **state)
{
    (void)state;
    synthetic sizes = { .layers = 2, .experts = 16, .picks = 4, .domains = 8, .tokens = 700 };
    synthetic_recording(folder, "routes.jsonl", &sizes);
    char *path = in_folder("routes.jsonl"), *page = page_of(path);
    assert_holds(page, "<h1>tiny-olmoe</h1>");
    assert_holds(page, "<section id=\"together\">");
    assert_holds(page, "The first 640 of 700 tokens.");
    assert_holds(page, "<title>routes.jsonl on tiny-olmoe, ");
    assert_holds(page, "<dt>Command</dt><dd><code><span>cadre</span> <span>generate</span>");
    assert_holds(page, "<span>&#39;two</span> <span>words&#39;</span></code>");
    assert_holds(page, "<dt>Date</dt>");
    assert_lacks(page, "<section id=\"learning\">");
    mem_free(page);
    mem_free(path);
}

static void small_recordings(void **state)
{
    (void)state;
    char *path = in_folder("small.jsonl");
    write_file(folder, "small.jsonl", "{\"cadre_routes\":1," LAYERS "}\n");
    mem_free(page_of(path)); /* no token at all */
    write_file(folder, "small.jsonl",
        "{\"cadre_routes\":1," LAYERS "}\n"
        "{\"text\":\"a\",\"experts\":[[],[-1,1]],\"prompt\":true}\n"
        "{\"text\":\"b\",\"expe");
    char *page = page_of(path); /* dropped picks, no weights, a line that breaks off */
    assert_holds(page, "<dt>Tokens</dt><dd>1<");
    assert_holds(page, "4 of 5 experts are idle in this recording");
    assert_lacks(page, "<dt>Command</dt>");
    assert_holds(page, "2 idle here");
    assert_lacks(page, "class=\"zero\"");
    assert_lacks(page, "dead");
    mem_free(page);
    mem_free(path);
}

static void bad_recordings(void **state)
{
    (void)state;
    static const char *const text[] = { "", "\n\n", "{}", "{\"cadre_routes\":2," LAYERS "}",
        "{\"cadre_routes\":1}", "[1]\n", "not JSON\n",
        "{\"cadre_routes\":1," LAYERS "}\n{\"text\":\"a\",\"experts\":[[9],[0]]}\n" };
    char *path = in_folder("bad.jsonl"), *out = in_folder("bad.html");
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        write_file(folder, "bad.jsonl", text[i]);
        if (cadre_report_write(path, out) != CADRE_EFORMAT) fail_msg("accepted: %s", text[i]);
        assert_non_null(strstr(cadre_last_error(), "bad.jsonl"));
        assert_false(file_exists(out));
    }
    mem_free(path);
    mem_free(out);
}

/* ---- failures ---- */

/* Every allocation fails once: the page is whole, or a status says why not and the old page is
 * still there. */
static void no_memory(void **state)
{
    (void)state;
    synthetic sizes = {
        .layers = 2, .experts = 4, .picks = 2, .domains = 2, .steps = 12, .tokens = 6
    };
    char *run = in_folder("memory"), *out = in_folder("memory.html"),
         *path = in_folder("memory.jsonl");
    synthetic_run(run, &sizes);
    synthetic_recording(folder, "memory.jsonl", &sizes);
    for (int kind = 0; kind < 3; kind++)
        for (long n = 1;; n++) {
            char *page;
            size_t size;
            assert_int_equal(file_write(out, "old", 3), CADRE_OK);
            mem_fail_at(n, false);
            cadre_status status = kind == 2 ? cadre_report_compare(run, run, out)
                                            : cadre_report_write(kind ? path : run, out);
            bool all = mem_count() < n;
            mem_fail_at(0, false);
            assert_int_equal(file_read(out, 64 << 20, &page, &size), CADRE_OK);
            if (all) assert_int_equal(status, CADRE_OK);
            if (status == CADRE_OK) assert_true(size > 1000);
            else assert_string_equal(page, "old");
            if (status != CADRE_OK) assert_int_equal(status, CADRE_ENOMEM);
            mem_free(page);
            if (all) break;
        }
    mem_free(run);
    mem_free(out);
    mem_free(path);
}

static int open_folder(void **state)
{
    (void)state;
    const char *keep = getenv("CADRE_REPORT_KEEP");
    snprintf(folder, sizeof folder, "%s", keep ? keep : "/tmp/cadre-report-XXXXXX");
    return keep ? mkdir(folder, 0777) : mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return getenv("CADRE_REPORT_KEEP") ? 0 : system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_run),
        cmocka_unit_test(needs_no_network),
        cmocka_unit_test(numbers_under_every_picture),
        cmocka_unit_test(stays_small),
        cmocka_unit_test(two_runs),
        cmocka_unit_test(a_run_and_none),
        cmocka_unit_test(optional_files),
        cmocka_unit_test(one_step),
        cmocka_unit_test(one_expert),
        cmocka_unit_test(routers_by_name),
        cmocka_unit_test(losses_that_are_not),
        cmocka_unit_test(hostile_text),
        cmocka_unit_test(refusals),
        cmocka_unit_test(missing),
        cmocka_unit_test(recording_page),
        cmocka_unit_test(small_recordings),
        cmocka_unit_test(bad_recordings),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, open_folder, remove_folder);
}
