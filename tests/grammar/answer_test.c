/* answer_test.c - whatever an answer's grammar writes is thoughts, text and calls whose arguments
 * are valid, as the reader of calls finds them. */
#include "grammar/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "grammar/pushdown.h"
#include "support/succeeds.h"
#include "support/tokenizer_sample.h"
#include "support/validator.h"
#include "text/chat_calls.h"

enum { LONGEST = 4000 };

static const char list_text[] =
    "[{\"type\":\"function\",\"function\":{\"name\":\"weather\",\"parameters\":{\"type\":"
    "\"object\","
    "\"properties\":{\"city\":{\"type\":\"string\"},\"days\":{\"type\":\"integer\",\"minimum\":1,"
    "\"maximum\":14},\"unit\":{\"type\":\"string\",\"enum\":[\"C\",\"F\"]},\"at\":{\"type\":"
    "\"array\","
    "\"items\":{\"type\":\"number\"},\"maxItems\":2}},\"required\":[\"days\"]}}},{\"type\":"
    "\"function\","
    "\"function\":{\"name\":\"now\"}}]";

static tokenizer *t;
static json_document *document;
static chat_tools tools;
static json_t *parameters;

static int begin(void **state)
{
    (void)state;
    t = tokenizer_sample_open(SAMPLE_BYTE_LEVEL);
    succeeds(json_parse("tools", list_text, sizeof list_text - 1, &document));
    static json_node root;
    root = json_root(document);
    succeeds(chat_tools_read(&root, &tools));
    parameters = tools.tools[0].parameters.value;
    return 0;
}

static int end(void **state)
{
    (void)state;
    chat_tools_free(&tools);
    json_close(document);
    tokenizer_close(t);
    return 0;
}

typedef struct heard {
    byte_buffer name, arguments;
    int calls, ended;
} heard;

static void check_call(heard *h)
{
    json_t *value = json_loadb(h->arguments.data, h->arguments.size, JSON_ALLOW_NUL, NULL);
    if (!value) fail_msg("no JSON: %.*s", (int)h->arguments.size, h->arguments.data);
    bool weather = h->name.size == 7;
    if (weather && !valid_for(parameters, parameters, value))
        fail_msg("not valid: %.*s", (int)h->arguments.size, h->arguments.data);
    json_decref(value);
    h->arguments.size = h->name.size = 0;
    h->ended++;
}

static cadre_status hear(void *arg, call_event event, string_view text)
{
    heard *h = arg;
    h->calls += event == CALL_NAME;
    if (event == CALL_NAME) return byte_buffer_put(&h->name, text.data, text.size);
    if (event == CALL_ARGUMENTS) return byte_buffer_put(&h->arguments, text.data, text.size);
    if (event == CALL_END) check_call(h);
    return CADRE_OK;
}

/* What ends something is written where it can be; its length, 0: nothing can. */
static size_t close_one(pushdown *p, uint64_t draw, state_id *state, char *text)
{
    static const char *const ends[] = { "\"", "}", "]", "</arg_value>\n", "</think>",
        "</arg_value>", "\n</parameter>\n",
        ("<|end|><|start|>assistant<|channel|>commentary to=functions.now <|constrain|>json"
         "<|message|>{}") };
    const size_t count = sizeof ends / sizeof *ends;
    for (size_t k = 0; k < count; k++) {
        size_t i = (draw + k) % count;
        state_id at = *state;
        for (const char *c = ends[i]; *c && at; c++) at = pushdown_step(p, at, (uint8_t)*c);
        if (!at) continue;
        *state = at;
        memcpy(text, ends[i], strlen(ends[i]));
        return strlen(ends[i]);
    }
    return 0;
}

/* Some text of the grammar: where several bytes may come, one is drawn, and after a while what ends
 * something. Returns its length; 0: it became too long. */
static size_t write_one(pushdown *p, uint64_t seed, char *text)
{
    state_id state = p->start;
    for (size_t length = 0, closed; length < LONGEST - 128; length += closed) {
        uint8_t list[256];
        int count = 0;
        for (int b = 0; b < 256; b++)
            if (pushdown_step(p, state, (uint8_t)b)) list[count++] = (uint8_t)b;
        bool over = p->states[state].ends;
        assert_true(count || over);
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        if (!count || (over && length > 60)) return length;
        closed =
            length > 40 && (seed >> 50) % 3 ? close_one(p, seed >> 40, &state, text + length) : 0;
        if (closed) continue;
        text[length] = (char)list[(seed >> 33) % (uint64_t)count];
        state = pushdown_step(p, state, (uint8_t)text[length]);
        closed = 1;
    }
    return 0;
}

static int calls_of(const answer_form *form, int rounds)
{
    static char text[LONGEST];
    network n;
    pushdown p;
    node_id root;
    heard h = { .calls = 0 };
    int whole = 0;
    succeeds(network_open(&n, "S"));
    succeeds(answer_make(&n, form, &root));
    succeeds(network_measure(&n));
    succeeds(pushdown_open(&p, &n, root));
    assert_true(p.start);
    for (int i = 0; i < rounds; i++) {
        size_t length = write_one(&p, (uint64_t)i * 7919 + 3, text);
        if (!length) continue;
        call_reader r;
        call_reader_open(form->style, form->tools, &r);
        int before = h.calls;
        succeeds(call_reader_put(&r, (string_view){ text, length }, hear, &h));
        succeeds(call_reader_end(&r, hear, &h));
        assert_int_equal(h.calls, h.ended);
        if (form->required) assert_true(h.calls > before);
        if (form->once) assert_true(h.calls <= before + 1);
        call_reader_close(&r);
        whole++;
    }
    if (whole < 5)
        fail_msg("%s: %d of %d are whole", chat_template_name(form->template), whole, rounds);
    pushdown_close(&p);
    network_free(&n);
    byte_buffer_free(&h.name);
    byte_buffer_free(&h.arguments);
    return h.calls;
}

static void calls_are_valid(void **state)
{
    static const char *const names[] = { "qwen3", "glm4.5", "deepseek-v3.1", "mistral-v3",
        "mistral-v3-tekken", "gpt-oss", "qwen3-thinking", "qwen3.5", "qwen3-coder", "nemotron3",
        "glm4.7", "ling2", "ling3", "laguna", "laguna-xs.2", "lfm2", "lfm2.5", "kimi-k2",
        "granite-4.0" };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const chat_template *c = chat_template_find(names[i]);
        answer_form form = { .name = "S",
            .tokenizer = t,
            .template = c,
            .style = chat_tool_style_of(c, (string_view){ "", 0 }),
            .tools = &tools,
            .required = true,
            .only = -1 };
        assert_true(calls_of(&form, 60) > 20);
        form.only = 0, form.once = true;
        calls_of(&form, 40);
        form.required = false, form.continues = true;
        calls_of(&form, 40);
    }
}

/* Whole answers of the newer families, and answers of which something is not as it should be. */
static void answers_are_as_the_families_write_them(void **state)
{
    static const struct {
        const char *template, *text;
        bool taken;
    } cases[] = {
        { "qwen3.5",
            "hm</think>\n\n<tool_call>\n<function=weather>\n<parameter=days>\n3\n</parameter>\n"
            "</function>\n</tool_call>",
            true },
        { "qwen3.5",
            "hm</think>\n\n<tool_call>\n<function=weather>\n<parameter=city>\nNew\nYork\n"
            "</parameter>\n<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>\n"
            "<tool_call>\n<function=now>\n</function>\n</tool_call>",
            true },
        { "qwen3.5", "hm</think>\n\n<tool_call>\n<function=weather>\n</function>\n</tool_call>",
            false },
        { "qwen3.5", "hm</think>\n\n<tool_call>\n<function=other>\n</function>\n</tool_call>",
            false },
        { "nemotron3",
            "</think><tool_call>\n<function=now>\n</function>\n</tool_call>\n<tool_call>\n"
            "<function=now>\n</function>\n</tool_call>\n",
            true },
        { "nemotron3",
            "</think><tool_call>\n<function=weather>\n<parameter=days>\n15\n</parameter>\n"
            "</function>\n</tool_call>\n",
            false },
        { "glm4.7",
            "</think><tool_call>weather<arg_key>city</arg_key><arg_value>a b</arg_value>"
            "<arg_key>days</arg_key><arg_value>1</arg_value></tool_call>",
            true },
        { "glm4.7",
            "</think><tool_call>weather<arg_key>days</arg_key><arg_value>x</arg_value>"
            "</tool_call>",
            false },
        { "ling3",
            "so</think><tool_call>weather\n<arg_key>days</arg_key>\n<arg_value>2</arg_value>"
            "\n</tool_call>",
            true },
        { "laguna", "so</think><tool_call>now</tool_call>", true },
        { "laguna-xs.2", "<tool_call>now\n</tool_call>\n", true },
        { "lfm2",
            "<|tool_call_start|>[weather(city=\"x\", days=3, unit=\"F\"), now()]"
            "<|tool_call_end|>",
            true },
        { "lfm2", "<|tool_call_start|>[weather(days=3, unit=\"K\")]<|tool_call_end|>", false },
        { "lfm2", "<|tool_call_start|>[weather(city=\"x\")]<|tool_call_end|>", false },
        { "lfm2.5", "<think>hm</think>\n<|tool_call_start|>[now()]<|tool_call_end|>", true },
        { "kimi-k2",
            "<|tool_calls_section_begin|><|tool_call_begin|>functions.now:12"
            "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>",
            true },
        { "kimi-k2",
            "<|tool_calls_section_begin|><|tool_call_begin|>functions.now"
            "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>",
            false },
        { "granite-4.0",
            "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"days\": 3}}\n"
            "</tool_call>",
            true },
        { "gemma4",
            "<|tool_call>call:weather{city:<|\"|>x<|\"|>,days:3,at:[1,2.5]}<tool_call|>"
            "<|tool_call>call:now{}<tool_call|>",
            true },
        { "gemma4", "<|tool_call>call:weather{city:\"x\",days:3}<tool_call|>", false },
        { "gemma4", "<|tool_call>call:weather{days:3,at:[1,2,3]}<tool_call|>", false },
        { "gemma4", "<|channel>thought\nhm\n<channel|><|tool_call>call:now{}<tool_call|>", true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const chat_template *c = chat_template_find(cases[i].template);
        const answer_form form = { .name = "S",
            .tokenizer = t,
            .template = c,
            .style = chat_tool_style_of(c, (string_view){ "", 0 }),
            .tools = &tools,
            .required = true,
            .only = -1 };
        network n;
        pushdown p;
        node_id root;
        succeeds(network_open(&n, "S"));
        succeeds(answer_make(&n, &form, &root));
        succeeds(network_measure(&n));
        succeeds(pushdown_open(&p, &n, root));
        state_id at = p.start;
        for (const char *b = cases[i].text; *b && at; b++) at = pushdown_step(&p, at, (uint8_t)*b);
        if ((at && p.states[at].ends) != cases[i].taken)
            fail_msg("%s %s %s", cases[i].template, cases[i].taken ? "leaves out" : "takes",
                cases[i].text);
        pushdown_close(&p);
        network_free(&n);
    }
}

/* Thoughts come before JSON, and the JSON is what was asked for. */
static void thoughts_come_first(void **state)
{
    static const char schema[] =
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"null\"}},\"required\":[\"a\"]}";
    static const struct {
        const char *template, *takes, *refuses;
    } cases[] = {
        { "qwen3", "<think>\nhm</think>\n\n{\"a\":null}", "hm {\"a\":null}" },
        { "qwen3", "{\"a\":null}", "{\"a\":1}" },
        { "qwen3-thinking", "so <b> it is</think>\n{\"a\":null}", "{\"a\":null}" },
        { "gpt-oss",
            "<|channel|>analysis<|message|>x<|end|><|start|>assistant<|channel|>final"
            "<|message|>{\"a\":null}",
            "{\"a\":null}" },
        { "chatml-bos", "<think></think>{\"a\": null}", "x" },
        { "llama-3", "{\"a\": null}", "<think></think>{\"a\": null}" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const answer_form form = { .name = "S",
            .tokenizer = t,
            .json = true,
            .schema = schema,
            .size = sizeof schema - 1,
            .template = chat_template_find(cases[i].template),
            .only = -1 };
        const char *texts[2] = { cases[i].takes, cases[i].refuses };
        network n;
        pushdown p;
        node_id root;
        succeeds(network_open(&n, "S"));
        succeeds(answer_make(&n, &form, &root));
        succeeds(network_measure(&n));
        succeeds(pushdown_open(&p, &n, root));
        for (int k = 0; k < 2; k++) {
            state_id at = p.start;
            for (const char *c = texts[k]; *c && at; c++) at = pushdown_step(&p, at, (uint8_t)*c);
            if ((at && p.states[at].ends) != (k == 0)) fail_msg("%s", texts[k]);
        }
        pushdown_close(&p);
        network_free(&n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_valid),
        cmocka_unit_test(answers_are_as_the_families_write_them),
        cmocka_unit_test(thoughts_come_first),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
