/* chat_test.c - the text of a conversation in every template, control tokens in messages,
 * recognition. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "support/tokenizer_sample.h"
#include "text/chat_template.h"

#define END "<|endoftext|>"
#define BAR "\xef\xbd\x9c"

static char folder[] = "/tmp/cadre-chat-XXXXXX";
static tokenizer *t;

static void put(const char *name, const char *text)
{
    char *path = file_join(folder, name);
    assert_int_equal(file_write(path, text, strlen(text)), CADRE_OK);
    mem_free(path);
}

static int set_up(void **state)
{
    (void)state;
    char *json = tokenizer_sample_text(SAMPLE_BYTE_LEVEL);
    assert_non_null(mkdtemp(folder));
    put("tokenizer.json", json);
    put("tokenizer_config.json",
        "{\"bos_token\": \"" END "\", \"eos_token\": {\"content\": \"" END
        "\"}, \"model_max_length\": "
        "1000000000000000019884624838656, \"chat_template\": \"{% for m in x %}<|im_start|>\"}");
    mem_free(json);
    return tokenizer_open(folder, &t) != CADRE_OK;
}

static int tear_down(void **state)
{
    (void)state;
    tokenizer_close(t);
    char *command = mem_printf("rm -r %s", folder);
    int failed = system(command);
    mem_free(command);
    return failed;
}

static chat_message message(chat_role role, const char *text)
{
    return (chat_message){ .role = role, .text = text, .size = strlen(text) };
}

/* Every byte of the sample's text can be read back from its ids. */
static void check_text_of(
    const chat_template *c, const chat_message *messages, int count, const char *expected)
{
    token_list ids = { 0 };
    byte_buffer text = { 0 };
    assert_non_null(c);
    assert_int_equal(chat_encode(c, t, messages, count, &ids), CADRE_OK);
    assert_int_equal(tokenizer_decode(t, ids.ids, ids.count, 0, &text), CADRE_OK);
    if (text.size != strlen(expected) || memcmp(text.data, expected, text.size) != 0)
        fail_msg("%s: expected\n%s\nfound\n%.*s", chat_template_name(c), expected, (int)text.size,
            text.data);
    token_list_free(&ids);
    byte_buffer_free(&text);
}

static void check_text(
    const char *name, const chat_message *messages, int count, const char *expected)
{
    check_text_of(chat_template_find(name), messages, count, expected);
}

/* What is learnt of a conversation, as text, with a bar behind every answer */
static void check_learnt(const char *name, const char *expected)
{
    const chat_message messages[] = { message(CHAT_SYSTEM, "Be brief"),
        message(CHAT_USER, "Hello<|im_end|>"), message(CHAT_ASSISTANT, "Hi"),
        message(CHAT_USER, "Who?"), message(CHAT_ASSISTANT, "I am" END "one") };
    token_list ids = { 0 }, answers = { 0 };
    byte_buffer text = { 0 };
    assert_int_equal(token_list_put(&ids, 3), CADRE_OK); /* what was there */
    assert_int_equal(
        chat_encode_whole(chat_template_find(name), t, messages, 5, &ids, &answers), CADRE_OK);
    assert_int_equal(answers.count, 4);
    for (size_t i = 0; i < answers.count; i += 2) {
        size_t begin = (size_t)answers.ids[i], end = (size_t)answers.ids[i + 1];
        assert_true(begin > 0 && begin < end && end <= ids.count);
        assert_int_equal(tokenizer_decode(t, ids.ids + begin, end - begin, 0, &text), CADRE_OK);
        byte_buffer_text(&text, "|");
    }
    assert_string_equal(text.data, expected);
    token_list_free(&ids);
    token_list_free(&answers);
    byte_buffer_free(&text);
}

static void test_what_is_learnt_of_a_conversation(void **state)
{
    (void)state;
    check_learnt("chatml", "Hi<|im_end|>|I am" END "one<|im_end|>|");
    check_learnt("llama-3", "Hi<|eot_id|>|I am" END "one<|eot_id|>|");
    check_learnt("mistral", "Hi" END "|I am" END "one" END "|");
    check_learnt("glm4", "Hi<|user|>|I am" END "one|");
}

static void test_every_template(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } cases[] = {
        { "chatml", "<|im_start|>system\nBe "
                    "brief<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n "
                    "Hi <|im_end|>\n"
                    "<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n" },
        { "llama-3", END "<|start_header_id|>system<|end_header_id|>\n\nBe "
                         "brief<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
                         "Hello<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHi<|eot_"
                         "id|><|start_header_id|>user"
                         "<|end_header_id|>\n\nWho?<|eot_id|><|start_header_id|>assistant<|end_"
                         "header_id|>\n\n" },
        { "llama-3.1", END "<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: "
                           "December 2023\nToday Date: 26 Jul 2024\n\n"
                           "Be brief<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
                           "Hello<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHi<|"
                           "eot_id|><|start_header_id|>user"
                           "<|end_header_id|>\n\nWho?<|eot_id|><|start_header_id|>assistant<|end_"
                           "header_id|>\n\n" },
        { "qwen3-thinking", "<|im_start|>system\nBe "
                            "brief<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>"
                            "assistant\n Hi <|im_end|>\n"
                            "<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n<think>\n" },
        { "qwen3.5", "<|im_start|>system\nBe "
                     "brief<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>"
                     "assistant\nHi<|im_end|>\n"
                     "<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n<think>\n" },
        { "qwen3", "<|im_start|>system\nBe "
                   "brief<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n Hi "
                   "<|im_end|>\n"
                   "<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n" },
        { "mistral", END "[INST] Be brief\n\nHello [/INST] Hi " END "[INST] Who? [/INST]" },
        { "mistral-v1", END " [INST] Be brief\n\nHello [/INST]  Hi " END " [INST] Who? [/INST]" },
        { "mistral-v3", END "[INST] Hello[/INST] Hi" END "[INST] Be brief\n\nWho?[/INST]" },
        { "mistral-v3-tekken", END "[INST]Hello[/INST] Hi " END "[INST]Be brief\n\nWho?[/INST]" },
        { "mistral-v7", END "[SYSTEM_PROMPT] Be brief[/SYSTEM_PROMPT][INST] Hello[/INST]  Hi " END
                            "[INST] Who?[/INST]" },
        { "llama-2", END "[INST] <<SYS>>\nBe brief\n<</SYS>>\n\nHello [/INST] Hi " END END
                         "[INST] Who? [/INST]" },
        { "deepseek",
            END "Be brief\n\nUser: Hello\n\nAssistant:  Hi " END "User: Who?\n\nAssistant:" },
        { "deepseek-v3", END "Be brief<" BAR "User" BAR ">Hello<" BAR "Assistant" BAR "> Hi " END
                             "<" BAR "User" BAR ">Who?<" BAR "Assistant" BAR ">" },
        { "deepseek-r1", END "Be brief<" BAR "User" BAR ">Hello<" BAR "Assistant" BAR "> Hi " END
                             "<" BAR "User" BAR ">Who?<" BAR "Assistant" BAR "><think>\n" },
        { "deepseek-v3.1",
            END "Be brief<" BAR "User" BAR ">Hello<" BAR "Assistant" BAR "></think> Hi " END "<" BAR
                "User" BAR ">Who?<" BAR "Assistant" BAR "></think>" },
        { "gemma4",
            END "<|turn>system\nBe brief<turn|>\n<|turn>user\nHello<turn|>\n<|turn>model\nHi"
                "<turn|>\n<|turn>user\nWho?<turn|>\n<|turn>model\n<|channel>thought\n"
                "<channel|>" },
        { "granite",
            "<|start_of_role|>system<|end_of_role|>Be "
            "brief<|end_of_text|>\n<|start_of_role|>user<|end_of_role|>Hello"
            "<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|> Hi "
            "<|end_of_text|>\n<|start_of_role|>user"
            "<|end_of_role|>Who?<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>" },
        { "glm4", "[gMASK]<sop><|system|>\nBe brief<|user|>\nHello<|assistant|>\n Hi "
                  "<|user|>\nWho?<|assistant|>\n" },
        { "glm4.5",
            "[gMASK]<sop><|system|>\nBe "
            "brief<|user|>\nHello<|assistant|>\n<think></think>\nHi<|user|>\nWho?<|assistant|>" },
        { "glm4.7", "[gMASK]<sop><|system|>Be "
                    "brief<|user|>Hello<|assistant|></think>Hi<|user|>Who?<|assistant|><think>" },
        { "phi-3", END "<|system|>\nBe brief<|end|>\n<|user|>\nHello<|end|>\n<|assistant|>\n Hi "
                       "<|end|>\n<|user|>\nWho?<|end|>\n"
                       "<|assistant|>\n" },
        { "phi-3.5", "<|system|>\nBe brief<|end|>\n<|user|>\nHello<|end|>\n<|assistant|>\n Hi "
                     "<|end|>\n<|user|>\nWho?<|end|>\n"
                     "<|assistant|>\n" },
        { "tulu", END "<|system|>\nBe brief\n<|user|>\nHello\n<|assistant|>\n Hi " END
                      "\n<|user|>\nWho?\n<|assistant|>\n" },
        { "zephyr", "<|system|>\nBe brief" END "\n<|user|>\nHello" END "\n<|assistant|>\n Hi " END
                    "\n<|user|>\nWho?" END "\n<|assistant|>\n" },
        { "nemotron3",
            "<|im_start|>system\nBe "
            "brief<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n<think></"
            "think> "
            "Hi<|im_end|>\n<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n<think>\n" },
        { "lfm2", END "<|im_start|>system\nBe "
                      "brief<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n "
                      "Hi <|im_end|>\n<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n" },
        { "lfm2.5",
            END "<|im_start|>system\nBe "
                "brief<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n Hi "
                "<|im_end|>\n<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n" },
        { "ling3",
            "<role>SYSTEM</role>Be brief\ndetailed thinking "
            "on<|role_end|><role>HUMAN</role>Hello<|role_end|><role>ASSISTANT</role>\n<think></"
            "think> Hi "
            "<|role_end|><role>HUMAN</role>Who?<|role_end|><role>ASSISTANT</role>\n<think>" },
        { "ling2", "<role>SYSTEM</role>Be brief\ndetailed thinking "
                   "off<|role_end|><role>HUMAN</role>Hello<|role_end|><role>ASSISTANT</role> Hi "
                   "<|role_end|><role>HUMAN</role>Who?<|role_end|><role>ASSISTANT</role>" },
        { "laguna", "\xe3\x80\x88|EOS|\xe3\x80\x89<system>Be "
                    "brief</system>\n<user>Hello</user>\n<assistant><think></think> Hi "
                    "</assistant>\n<user>Who?</user>\n<assistant><think>" },
        { "laguna-xs.2", "\xe3\x80\x88|EOS|\xe3\x80\x89<system>\n\nBe "
                         "brief\n</system>\n<user>\nHello\n</user>\n<assistant>\n</think>\nHi\n</"
                         "assistant>\n<user>\nWho?\n</user>\n<assistant>\n</think>" },
        { "laguna-xs", "\xe3\x80\x88|EOS|\xe3\x80\x89<system>\n\nBe "
                       "brief\n</system>\n<user>\nHello\n</user>\n<assistant>\n</think>\nHi\n</"
                       "assistant>\n<user>\nWho?\n</user>\n<assistant>\n</think>" },
        { "kimi-k2", "<|im_system|>system<|im_middle|>Be "
                     "brief<|im_end|><|im_user|>user<|im_middle|>Hello<|im_end|><|im_assistant|>"
                     "assistant<|im_middle|> Hi "
                     "<|im_end|><|im_user|>user<|im_middle|>Who?<|im_end|><|im_assistant|>"
                     "assistant<|im_middle|>" },
        { "kimi-k2-2507", "<|im_system|>system<|im_middle|>Be "
                          "brief<|im_end|><|im_user|>user<|im_middle|>Hello<|im_end|><|im_"
                          "assistant|>assistant<|im_middle|> Hi "
                          "<|im_end|><|im_user|>user<|im_middle|>Who?<|im_end|><|im_assistant|>"
                          "assistant<|im_middle|>" },
        { "ernie4.5-sep", "<|begin_of_sentence|>Be brief\nUser: Hello\nAssistant:  Hi "
                          "<|end_of_sentence|>User: Who?\nAssistant: " },
        { "ernie4.5", "<|begin_of_sentence|>Be brief\nUser: Hello\nAssistant:  Hi " END
                      "User: Who?\nAssistant: " },
        { "granite-4.0", "<|start_of_role|>system<|end_of_role|>Be "
                         "brief<|end_of_text|>\n<|start_of_role|>user<|end_of_role|>Hello<|end_of_"
                         "text|>\n<|start_of_role|>assistant<|end_of_role|> Hi "
                         "<|end_of_text|>\n<|start_of_role|>user<|end_of_role|>Who?<|end_of_text|>"
                         "\n<|start_of_role|>assistant<|end_of_role|>" },
        { "gpt-oss", "<|start|>system<|message|>You are ChatGPT, a large language model trained by "
                     "OpenAI.\nKnowledge cutoff: 2024-06\n\n"
                     "Reasoning: medium\n\n# Valid channels: analysis, commentary, final. "
                     "Channel must be included for every message."
                     "<|end|><|start|>developer<|message|># Instructions\n\nBe brief\n\n<|end|>"
                     "<|start|>user<|message|>Hello<|end|>"
                     "<|start|>assistant<|channel|>final<|message|> Hi <|end|>"
                     "<|start|>user<|message|>Who?<|end|><|start|>assistant" },
    };
    chat_message talk[] = { message(CHAT_SYSTEM, "Be brief"), message(CHAT_USER, "Hello"),
        message(CHAT_ASSISTANT, " Hi "), message(CHAT_USER, "Who?") };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_text(cases[i].name, talk, 4, cases[i].text);
}

/* Each way of thinking, and what is no way of this template. */
static void test_ways_of_thinking(void **state)
{
    (void)state;
    static const struct {
        const char *name, *how, *text;
    } cases[] = {
        { "qwen3", "on",
            "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n Hi "
            "<|im_end|>\n<|im_start|>user\n"
            "Who/nothink<|im_end|>\n<|im_start|>assistant\n" },
        { "qwen3", "off",
            "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n Hi "
            "<|im_end|>\n<|im_start|>user\n"
            "Who/nothink<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n" },
        { "deepseek-v3.1", "off",
            END "<" BAR "User" BAR ">Hello<" BAR "Assistant" BAR "></think> Hi " END "<" BAR
                "User" BAR ">Who/nothink<" BAR "Assistant" BAR "></think>" },
        { "deepseek-v3.1", "on",
            END "<" BAR "User" BAR ">Hello<" BAR "Assistant" BAR "></think> Hi " END "<" BAR
                "User" BAR ">Who/nothink<" BAR "Assistant" BAR "><think>" },
        { "glm4.5", "on",
            "[gMASK]<sop><|user|>\nHello<|assistant|>\n<think></think>\nHi<|user|>\nWho/"
            "nothink<|assistant|>" },
        { "glm4.5", "off",
            "[gMASK]<sop><|user|>\nHello/nothink<|assistant|>\n<think></think>\nHi<|user|>\nWho/"
            "nothink"
            "<|assistant|>\n<think></think>" },
        { "nemotron3", "on",
            "<|im_start|>system\n<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>"
            "assistant\n<think></think> "
            "Hi<|im_end|>\n<|im_start|>user\nWho/"
            "nothink<|im_end|>\n<|im_start|>assistant\n<think>\n" },
        { "nemotron3", "off",
            "<|im_start|>system\n<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>"
            "assistant\n<think></think> "
            "Hi<|im_end|>\n<|im_start|>user\nWho/"
            "nothink<|im_end|>\n<|im_start|>assistant\n<think></think>" },
        { "ling3", "on",
            "<role>SYSTEM</role>detailed thinking "
            "on<|role_end|><role>HUMAN</role>Hello<|role_end|><role>ASSISTANT</role>\n<think></"
            "think> Hi "
            "<|role_end|><role>HUMAN</role>Who/nothink<|role_end|><role>ASSISTANT</"
            "role>\n<think>" },
        { "ling3", "off",
            "<role>SYSTEM</role>detailed thinking "
            "off<|role_end|><role>HUMAN</role>Hello<|role_end|><role>ASSISTANT</role>\n<think></"
            "think> Hi "
            "<|role_end|><role>HUMAN</role>Who/nothink<|role_end|><role>ASSISTANT</role>\n<think></"
            "think>" },
        { "laguna", "on",
            "\xe3\x80\x88|EOS|\xe3\x80\x89<system>You are a helpful, conversationally-fluent "
            "assistant made by Poolside. You are here to be helpful to users through natural "
            "language conversations.</system>\n<user>Hello</user>\n<assistant><think></think> Hi "
            "</assistant>\n<user>Who/nothink</user>\n<assistant><think>" },
        { "laguna", "off",
            "\xe3\x80\x88|EOS|\xe3\x80\x89<system>You are a helpful, conversationally-fluent "
            "assistant made by Poolside. You are here to be helpful to users through natural "
            "language conversations.</system>\n<user>Hello</user>\n<assistant></think> Hi "
            "</assistant>\n<user>Who/nothink</user>\n<assistant></think>" },
        { "laguna-xs.2", "on",
            "\xe3\x80\x88|EOS|\xe3\x80\x89<system>\n\nYou are a helpful, conversationally-fluent "
            "assistant made by Poolside. You are here to be helpful to users through natural "
            "language "
            "conversations.\n</system>\n<user>\nHello\n</user>\n<assistant>\n</think>\nHi\n</"
            "assistant>\n<user>\nWho/nothink\n</user>\n<assistant>\n<think>" },
        { "laguna-xs.2", "off",
            "\xe3\x80\x88|EOS|\xe3\x80\x89<system>\n\nYou are a helpful, conversationally-fluent "
            "assistant made by Poolside. You are here to be helpful to users through natural "
            "language "
            "conversations.\n</system>\n<user>\nHello\n</user>\n<assistant>\n</think>\nHi\n</"
            "assistant>\n<user>\nWho/nothink\n</user>\n<assistant>\n</think>" },
        { "gemma4", "on",
            END "<|turn>system\n<|think|>\n<turn|>\n<|turn>user\nHello<turn|>\n<|turn>model\nHi<"
                "turn|>\n<|turn>user\nWho/nothink<turn|>\n<|turn>model\n" },
        { "gemma4", "off",
            END "<|turn>user\nHello<turn|>\n<|turn>model\nHi<turn|>\n<|turn>user\nWho/"
                "nothink<turn|>\n<|turn>model\n<|channel>thought\n<channel|>" },
        { "qwen3.5", "on",
            "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\nHi<|im_end|>\n<|im_start|>"
            "user\nWho/nothink<|im_end|>\n<|im_start|>assistant\n<think>\n" },
        { "qwen3.5", "off",
            "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\nHi<|im_end|>\n<|im_start|>"
            "user\nWho/nothink<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n" },
        { "glm4.7", "off",
            "[gMASK]<sop><|user|>Hello<|assistant|></think>Hi<|user|>Who/nothink<|assistant|></"
            "think>" },
    };
    chat_message talk[] = { message(CHAT_USER, "Hello"), message(CHAT_ASSISTANT, " Hi "),
        message(CHAT_USER, "Who/nothink") };
    chat_template way;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(chat_template_think(chat_template_find(cases[i].name), cases[i].how, &way));
        check_text_of(&way, talk, 3, cases[i].text);
        assert_string_equal(way.way->how, cases[i].how);
    }
    assert_true(chat_template_think(chat_template_find("deepseek-v3.1"), "on", &way) && way.thinks);
    assert_true(chat_template_think(chat_template_find("glm4.7"), "off", &way) && !way.thinks);
    assert_true(chat_template_think(chat_template_find("qwen3.5"), "off", &way) && !way.thinks);
    assert_true(chat_template_think(chat_template_find("qwen3.5"), "on", &way) && way.thinks);
    assert_false(chat_template_think(chat_template_find("chatml"), "off", &way));
    assert_false(chat_template_think(chat_template_find("deepseek-r1"), "off", &way));
    assert_false(chat_template_think(chat_template_find("gpt-oss"), "off", &way));
    assert_true(chat_template_think(chat_template_find("gpt-oss"), "high", &way));
    assert_non_null(strstr(way.begin, "\n\nReasoning: high\n\n# Valid channels"));
    for (int i = 0; chat_template_at(i); i++) { /* the first way is the template itself */
        const chat_template *c = chat_template_at(i);
        if (!c->ways) continue;
        for (const chat_thinking *w = c->ways; w->how; w++)
            assert_true(chat_template_think(c, w->how, &way));
        assert_true(chat_template_think(&way, c->ways->how, &way)); /* from another one */
        assert_true(way.thinks == c->thinks && way.answer == c->answer && way.begin == c->begin);
    }
}

/* Of thoughts, each template keeps all, or those behind the last message of a user. */
static void test_thoughts_of_past_answers(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } cases[] = {
        { "qwen3",
            "<|im_start|>user\nA<|im_end|>\n<|im_start|>assistant\nB<|im_end|>\n<|im_start|>"
            "user\nC<|im_end|>\n<|im_start|>assistant\n<think>\nnew\n</think>\n\nD<|im_end|>\n" },
        { "qwen3.5",
            "<|im_start|>user\nA<|im_end|>\n<|im_start|>assistant\nB<|im_end|>\n<|im_start|>"
            "user\nC<|im_end|>\n<|im_start|>assistant\n<think>\nnew\n</think>\n\nD<|im_end|>\n" },
        { "nemotron3", "<|im_start|>system\n<|im_end|>\n<|im_start|>user\nA<|im_end|>\n<|im_start|>"
                       "assistant\n<think></"
                       "think>\nB<|im_end|>\n<|im_start|>user\nC<|im_end|>\n<|im_start|>"
                       "assistant\n<think>\nnew\n</think>\nD<|im_end|>\n" },
        { "lfm2.5",
            END "<|im_start|>user\nA<|im_end|>\n<|im_start|>assistant\nB<|im_end|>\n<|im_start|>"
                "user\nC<|im_end|>\n<|im_start|>assistant\n<think>new</think>D<|im_end|>\n" },
        { "glm4.7", "[gMASK]<sop><|user|>A<|assistant|></think>B<|user|>C<|assistant|><think>new</"
                    "think>D" },
        { "ling3", "<role>SYSTEM</role>detailed thinking "
                   "on<|role_end|><role>HUMAN</role>A<|role_end|><role>ASSISTANT</"
                   "role>\n<think>old</think>B<|role_end|><role>HUMAN</"
                   "role>C<|role_end|><role>ASSISTANT</role>\n<think>new</think>D<|role_end|>" },
        { "ling2", "<role>SYSTEM</role>detailed thinking "
                   "off<|role_end|><role>HUMAN</role>A<|role_end|><role>ASSISTANT</"
                   "role>B<|role_end|><role>HUMAN</role>C<|role_end|><role>ASSISTANT</"
                   "role>\n<think>\nnew\n</think>\n\nD<|role_end|>" },
        { "laguna", "\xe3\x80\x88|EOS|\xe3\x80\x89<system>You are a helpful, "
                    "conversationally-fluent assistant made by Poolside. You are here to be "
                    "helpful to users through natural language "
                    "conversations.</system>\n<user>A</user>\n<assistant><think>old</think>B</"
                    "assistant>\n<user>C</user>\n<assistant><think>new</think>D</assistant>\n" },
        { "laguna-xs.2",
            "\xe3\x80\x88|EOS|\xe3\x80\x89<system>\n\nYou are a helpful, conversationally-fluent "
            "assistant made by Poolside. You are here to be helpful to users through natural "
            "language "
            "conversations.\n</system>\n<user>\nA\n</user>\n<assistant>\n<think>\nold\n</"
            "think>\nB\n</assistant>\n<user>\nC\n</user>\n<assistant>\n<think>\nnew\n</"
            "think>\nD\n</assistant>\n" },
        { "kimi-k2",
            "<|im_system|>system<|im_middle|>You are Kimi, an AI assistant created by Moonshot "
            "AI.<|im_end|>\n<|im_user|>user<|im_middle|>A<|im_end|><|im_assistant|>assistant<|im_"
            "middle|>B<|im_end|><|im_user|>user<|im_middle|>C<|im_end|><|im_assistant|>assistant<|"
            "im_middle|>D<|im_end|>" },
    };
    chat_message talk[] = { message(CHAT_USER, "A"), message(CHAT_ASSISTANT, "B"),
        message(CHAT_USER, "C"), message(CHAT_ASSISTANT, "D") };
    talk[1].thought = (string_view){ "old", 3 };
    talk[3].thought = (string_view){ "new", 3 };
    chat_message within[] = { talk[0], message(CHAT_ASSISTANT, "<think>\nold\n</think>\n\nB"),
        talk[2], message(CHAT_ASSISTANT, "new</think>D") };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const chat_template *c = chat_template_find(cases[i].name);
        bool plain = !c->memory;
        for (int k = 0; k < (plain ? 1 : 2); k++) {
            token_list ids = { 0 }, answers = { 0 };
            byte_buffer text = { 0 };
            assert_int_equal(
                chat_encode_whole(c, t, k ? within : talk, 4, &ids, &answers), CADRE_OK);
            assert_int_equal(tokenizer_decode(t, ids.ids, ids.count, 0, &text), CADRE_OK);
            if (strcmp(text.data, cases[i].text) != 0)
                fail_msg(
                    "%s %d: expected\n%s\nfound\n%s", cases[i].name, k, cases[i].text, text.data);
            /* what is learnt of the last answer begins with its thought */
            size_t begin = (size_t)answers.ids[2];
            byte_buffer_free(&text);
            assert_int_equal(
                tokenizer_decode(t, ids.ids + begin, ids.count - begin, 0, &text), CADRE_OK);
            const char *thought = strstr(text.data, "new"), *answer = strstr(text.data, "D");
            assert_true(plain ? answer == text.data : thought && thought - text.data < 12);
            byte_buffer_free(&text);
            token_list_free(&ids);
            token_list_free(&answers);
        }
    }
}

static void test_system_by_default(void **state)
{
    (void)state;
    chat_message hello = message(CHAT_USER, "Hello");
    check_text("qwen2", &hello, 1,
        "<|im_start|>system\nYou are a helpful "
        "assistant.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n"
        "<|im_start|>assistant\n");
    check_text(
        "chatml-bos", &hello, 1, END "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n");
    check_text("llama-3.1", &hello, 1,
        END "<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December "
            "2023\nToday Date: 26 Jul 2024"
            "\n\n<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|><|start_"
            "header_id|>assistant"
            "<|end_header_id|>\n\n");
    check_text("granite-3.1", &hello, 1,
        "<|start_of_role|>system<|end_of_role|>Knowledge Cutoff Date: April 2024.\nYou are "
        "Granite, developed by IBM. You "
        "are a helpful AI "
        "assistant.<|end_of_text|>\n<|start_of_role|>user<|end_of_role|>Hello<|end_of_text|>\n"
        "<|start_of_role|>assistant<|end_of_role|>");
    chat_message nothing[] = { message(CHAT_SYSTEM, ""), hello };
    check_text("qwen2", nothing, 2,
        "<|im_start|>system\n<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>"
        "assistant\n");
    check_text("chatml", &hello, 1, "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n");
    check_text("mistral", &hello, 1, END "[INST] Hello [/INST]");
    check_text("chatml", NULL, 0, "<|im_start|>assistant\n");
}

/* The end of text in a message is not the end of the text. */
static void test_control_tokens_in_messages(void **state)
{
    (void)state;
    token_list ids = { 0 };
    size_t ends = 0;
    chat_message talk[] = { message(CHAT_SYSTEM, END), message(CHAT_USER, "a" END "b<|endoftext"),
        message(CHAT_ASSISTANT, "|>" END) };
    assert_int_equal(chat_encode(chat_template_find("mistral"), t, talk, 3, &ids), CADRE_OK);
    for (size_t i = 0; i < ids.count; i++) ends += ids.ids[i] == tokenizer_eos(t);
    assert_int_equal(ends, 2); /* the first and the last id */
    assert_int_equal(ids.ids[0], tokenizer_bos(t));
    assert_int_equal(ids.ids[ids.count - 1], tokenizer_eos(t));
    token_list_free(&ids);
}

static void test_refused(void **state)
{
    (void)state;
    token_list ids = { 0 };
    chat_message talk[] = { message(CHAT_USER, "Hello"), message(CHAT_SYSTEM, "late") };
    assert_int_equal(chat_encode(chat_template_find("chatml"), t, talk, 2, &ids), CADRE_EARGUMENT);
    assert_null(chat_template_find("nobody's"));
    assert_int_equal(ids.count, 0);
}

/* Signs as they stand in published templates. */
static void test_recognised(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "chatml", "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + "
                    "'<|im_end|>' + '\\n'}}" },
        { "qwen1.5", "{{ '<|im_start|>system\\nYou are a helpful assistant<|im_end|>\\n' "
                     "}}{{'<|im_start|>' + message['role']" },
        { "qwen2", "{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}" },
        { "qwen2.5", "<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. You are a "
                     "helpful assistant.<|im_end|>" },
        { "qwen2.5", "\"<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a "
                     "helpful assistant.<|im_end|>\"" },
        { "qwen3-thinking", "'<|im_start|>' + message.role + '\\n<think>\\n'{{- "
                            "'<|im_start|>assistant\\n<think>\\n' }}" },
        { "qwen3-thinking", "{{- \"<|im_start|>assistant\n<think>\n\" -}}" },
        { "qwen3-coder", "'<|im_start|>system\\nYou are Qwen, a helpful AI assistant that can "
                         "interact with a computer'" },
        { "chatml", "'<|im_start|>' + message.role + '\\n<think>\\n'{% if no %}{{- "
                    "'<think>\\n\\n</think>\\n\\n' }}" },
        { "chatml-bos", "{{bos_token}}{{'<|im_start|>' + message['role'] + '\\n' + "
                        "message['content'] + '<|im_end|>'}}" },
        { "llama-3.1", "{{- bos_token }}\"26 Jul 2024\"{{- "
                       "\"<|start_header_id|>system<|end_header_id|>\\n\\n\" }}"
                       "{{- \"Cutting Knowledge Date: December 2023\\n\" }}" },
        { "llama-3", "'<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ "
                     "message['content'] | trim + '<|eot_id|>'" },
        { "mistral", "{{ bos_token }}{{ '[INST] ' + message['content'] + ' [/INST]' }}{{ "
                     "message['content'] + eos_token}}" },
        { "mistral-v1",
            "{{- ' [INST] ' + system_message + '\\n\\n' + message['content'] + ' [/INST]' }}" },
        { "mistral-v3", "{{- \"[AVAILABLE_TOOLS] [\" }}{{- \"[INST] \" + message[\"content\"] + "
                        "\"[/INST]\" }}" },
        { "mistral-v3-tekken",
            "{{- \"[AVAILABLE_TOOLS][\" }}{{- \"[INST]\" + message[\"content\"] + \"[/INST]\" }}" },
        { "llama-2", "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' %}{{ "
                     "bos_token + '[INST] ' + content" },
        { "deepseek", "{{ 'User: ' + message['content'] + '\\n\\n' }}{{ 'Assistant: ' + "
                      "message['content'] + eos_token }}" },
        { "deepseek-v3", "{{'<" BAR "User" BAR ">' + message['content']}}{{'<" BAR "Assistant" BAR
                         ">' + message['content']" },
        { "deepseek-r1", "{{'<" BAR "User" BAR ">'}}{% if add_generation_prompt %}{{'<" BAR
                         "Assistant" BAR "><think>\\n'}}" },
        { "deepseek-v3.1", "{% if not thinking is defined %}{% set thinking = false %}{{'<" BAR
                           "Assistant" BAR ">'}}{{'</think>'}}" },
        { "gemma4", "{{ bos_token }}{{- '<|turn>' + role + '\\n' }}{{- '<turn|>\\n' -}}" },
        { "granite", "{{- '<|start_of_role|>user<|end_of_role|>' + message['content'] + "
                     "'<|end_of_text|>\\n' }}" },
        { "granite-4.0", "{%- set d = 'Please ensure responses are professional, accurate, and "
                         "safe.' %}{{- '<|start_of_role|>' + message.role" },
        { "nemotron3", "{%- set truncate_history_thinking = true %}{{- \"<|im_start|>system\\n\" }}"
                       "{{- '<|im_start|>assistant\\n<think></think>' }}" },
        { "lfm2",
            "{{- bos_token -}}\"List of tools: <|tool_list_start|>[\"{{- \"<|im_start|>\" }}" },
        { "lfm2.5", "{{- bos_token -}}\"List of tools: [\"{{- \"<|im_start|>\" }}" },
        { "ling3", "{%- set thinking_option = 'off' %}{% set preserved_thinking = true %}"
                   "{{- '<role>SYSTEM</role>' }}{{- 'detailed thinking ' + thinking_option" },
        { "ling2", "{% set thinking_option = 'off' %}{{- '<role>SYSTEM</role>' }}" },
        { "laguna", "{{- \"\xe3\x80\x88|EOS|\xe3\x80\x89\" -}}{{- \"<assistant>\" -}}'<think>'" },
        { "laguna-xs.2", "{{- \"\xe3\x80\x88|EOS|\xe3\x80\x89\" -}}made by Poolside{{- "
                         "\"<assistant>\\n\" -}}" },
        { "laguna-xs",
            "{{- \"\xe3\x80\x88|EOS|\xe3\x80\x89\" -}}{{- \"<assistant>\\n\" -}}'<think>'" },
        { "kimi-k2", "<|im_user|>user<|im_middle|>You are Kimi, an AI assistant created by "
                     "tool_response_queue" },
        { "kimi", "<|im_user|>user<|im_middle|>You are Kimi, an AI assistant created by" },
        { "kimi-k2-2507", "<|im_user|>user<|im_middle|>You are a helpful assistant<|im_end|>" },
        { "ernie4.5", "cls_token eos_token {{- \"User: \" + c }}{{- \"Assistant: \" -}}" },
        { "ernie4.5-sep", "cls_token sep_token {{- \"User: \" + c }}{{- \"Assistant: \" -}}" },
        { "granite-3.1", "'<|start_of_role|>'{%- set system_message = \"Knowledge Cutoff Date: "
                         "April 2024.\nToday's Date: \" + strftime_now(" },
        { "granite-3.3", "'<|start_of_role|>'{%- set system_message = \"Knowledge Cutoff Date: "
                         "April 2024. Today's Date: \" + strftime_now(" },
        { "glm4.7", "[gMASK]<sop><|user|>{{ visible_text(m.content) }}<|assistant|>{{- '</think>' "
                    "if x else '<think>' -}}" },
        { "glm4", "[gMASK]<sop>{% for item in messages %}<|{{ item['role'] }}|>{{ item['metadata'] "
                  "}}\\n{{ item['content'] }}" },
        { "glm4.5", "[gMASK]<sop>\n{{ '\\n<think>' + reasoning_content.strip() +  '</think>'}}" },
        { "qwen3", "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\\n' }}{{- "
                   "'\\n<think>\\n' + reasoning_content }}{%- endfor %}"
                   "{{- '<|im_start|>assistant\\n' }}{%- if enable_thinking is defined and "
                   "enable_thinking is false %}"
                   "{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}" },
        { "phi-3.5", "{{'<|user|>' + '\n' + message['content'] + '<|end|>' + '\n' + "
                     "'<|assistant|>' + '\n'}}" },
        { "phi-3", "{{ bos_token }}{{'<|user|>' + '\n' + message['content'] + '<|end|>' + '\n' + "
                   "'<|assistant|>' + '\n'}}" },
        { "tulu", "{{ bos_token }}{{ '<|user|>\\n' + message['content'] + '\\n' }}"
                  "{{ '<|assistant|>\\n'  + message['content'] + eos_token" },
        { "zephyr", "{{ '<|user|>\\n' + message['content'] + eos_token }}{{ '<|assistant|>' }}" },
        { "gpt-oss", "{{- \"<|start|>system<|message|>\" }}{{- "
                     "\"<|start|>assistant<|channel|>final<|message|>\" }}" },
    };
    /* Like one of them, but with words of their own. */
    static const char *const strangers[] = {
        "{{- '<|im_start|>system\\nYou are MiMo, an AI assistant developed by "
        "Xiaomi.<|im_end|>\\n' }}",
        "'<|im_start|>assistant\\n' }}{% if enable_thinking is false %}{% else %}{{- '<think>\\n' "
        "}}{% endif %}",
        "{{- '<|im_start|>assistant\\n<think>\\n' }}{%- if not enable_thinking -%}{{- '</think>' "
        "-}}{%- endif -%}",
        "{%- set default_system_message = 'You are Mistral' %}{{- '[SYSTEM_PROMPT] ' }}{{- "
        "'[INST]' }}{{- bos_token }}",
        "{{'<" BAR "User" BAR ">'}}{{'<" BAR "Assistant" BAR "><think></think>'}}",
        "{{ 'User: ' + message['content'] + '\\n\\n' }}{{ 'Assistant: ' + message['content'] + "
        "'\\n\\n' }}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const chat_template *c =
            chat_template_recognise((string_view){ cases[i][1], strlen(cases[i][1]) });
        if (!c || strcmp(chat_template_name(c), cases[i][0]) != 0)
            fail_msg("expected %s, found %s", cases[i][0], c ? chat_template_name(c) : "none");
    }
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        const chat_template *c =
            chat_template_recognise((string_view){ strangers[i], strlen(strangers[i]) });
        if (c) fail_msg("%s: expected none, found %s", strangers[i], chat_template_name(c));
    }
    assert_null(chat_template_recognise((string_view){ "{{ messages }}", 14 }));
    assert_null(chat_template_recognise((string_view){ NULL, 0 }));
}

static void test_ends(void **state)
{
    (void)state;
    int32_t a = tokenizer_id(t, "a", 1);
    assert_true(chat_ends(chat_template_find("mistral"), t, tokenizer_eos(t)));
    assert_true(chat_ends(chat_template_find("chatml"), t, tokenizer_id(t, END, strlen(END))));
    assert_false(chat_ends(chat_template_find("chatml"), t, a));
    assert_false(chat_ends(chat_template_find("chatml"), t, -1));
}

/* Of each piece: a(nswer), t(hought), m(arkup), u(nmarked). */
static void check_parts(
    const tokenizer *vocabulary, const char *name, const char *const *pieces, const char *expected)
{
    chat_reader r = chat_reader_begin(chat_template_find(name), vocabulary);
    for (int i = 0; pieces[i]; i++) {
        int32_t id = tokenizer_id(vocabulary, pieces[i], strlen(pieces[i]));
        if (id < 0) fail_msg("the vocabulary has no %s", pieces[i]);
        char got = "atmu"[chat_reader_take(&r, id)];
        if (got != expected[i])
            fail_msg(
                "%s: piece %d, %s: expected %c, found %c", name, i, pieces[i], expected[i], got);
    }
}

static void test_thoughts(void **state)
{
    (void)state;
    static const char *const tokens[] = { "<think>", "</think>", "<|channel|>", "<|message|>",
        "<|end|>", "<|start|>", "final", "analysis", "commentary", "<|constrain|>" };
    char *json = tokenizer_sample_text(SAMPLE_BYTE_LEVEL), added[2048] = "\"added_tokens\": [";
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
        sprintf(added + strlen(added),
            "{\"id\": %d, \"content\": \"%s\", \"special\": false, \"single_word\": false, "
            "\"lstrip\": false, "
            "\"rstrip\": false, \"normalized\": false},",
            1000 + (int)i, tokens[i]);
    char *at = strstr(json, "\"added_tokens\": ["), *more;
    assert_non_null(at);
    more =
        mem_printf("%.*s%s%s", (int)(at - json), json, added, at + strlen("\"added_tokens\": ["));
    put("thoughts.json", more);
    char *path = file_join(folder, "thoughts.json");
    tokenizer *thoughts;
    if (tokenizer_open(path, &thoughts) != CADRE_OK) fail_msg("%s", cadre_last_error());
    check_parts(thoughts, "chatml", (const char *[]){ "a", "<think>", "b", "</think>", "a", NULL },
        "amtma");
    check_parts(thoughts, "deepseek-r1", (const char *[]){ "a", "</think>", "b", NULL }, "tma");
    check_parts(thoughts, "mistral", (const char *[]){ "<think>", "a", NULL }, "aa");
    check_parts(thoughts, "gpt-oss",
        (const char *[]){ "<|channel|>", "analysis", "<|message|>", "a", "<|end|>", "<|start|>",
            "b", "<|channel|>", "final", "<|message|>", "a", "b", NULL },
        "mmmtmmmmmmaa");
    /* headers: content types, recipients, no channel, no header */
    check_parts(thoughts, "gpt-oss",
        (const char *[]){ "<|channel|>", "final", "<|constrain|>", "a", "<|message|>", "a", NULL },
        "mmmmma");
    check_parts(thoughts, "gpt-oss",
        (const char *[]){ "<|channel|>", "final", "\u0120", "a", "b", "<|message|>", "a", NULL },
        "mmmmmma");
    check_parts(thoughts, "gpt-oss",
        (const char *[]){
            "<|message|>", "a", "<|end|>", "<|start|>", "a", "<|message|>", "b", NULL },
        "mammmma");
    check_parts(thoughts, "gpt-oss",
        (const char *[]){ "a", "<|channel|>", "commentary", "a", "<|message|>", "b", NULL },
        "ummmmt");
    check_parts(thoughts, "gpt-oss",
        (const char *[]){ "<|channel|>", "<|constrain|>", "a", "<|message|>", "b", NULL }, "mmmma");
    check_parts(thoughts, "gpt-oss",
        (const char *[]){ "<|channel|>", "final", "a", "<|message|>", "b", NULL }, "mmmmt");
    check_parts(thoughts, "gpt-oss",
        (const char *[]){ "<|channel|>", "f", "<|message|>", "b", NULL }, "mmmt");
    tokenizer_close(thoughts);
    mem_free(path);
    mem_free(more);
    mem_free(json);
}

static void test_public(void **state)
{
    (void)state;
    const char *name;
    int32_t *ids;
    int64_t count;
    cadre_message talk[] = { { "user", "a", 1 } };
    assert_int_equal(cadre_chat_recognise(t, &name), CADRE_OK);
    assert_string_equal(name, "chatml");
    assert_int_equal(cadre_chat_encode(t, name, talk, 1, &ids, &count), CADRE_OK);
    assert_true(count > 10);
    cadre_free(ids);
    talk[0].role = "robot";
    assert_int_equal(cadre_chat_encode(t, name, talk, 1, &ids, &count), CADRE_EARGUMENT);
    assert_int_equal(cadre_chat_encode(t, "nobody's", talk, 1, &ids, &count), CADRE_EARGUMENT);
    assert_non_null(strstr(cadre_last_error(), "chatml, llama-3"));
    put("chat_template.jinja", "{{ raise_exception('a program of an unknown family') }}");
    tokenizer *other;
    assert_int_equal(tokenizer_open(folder, &other), CADRE_OK);
    /* The file counts, not the configuration */
    assert_int_equal(cadre_chat_recognise(other, &name), CADRE_EUNSUPPORTED);
    assert_non_null(strstr(cadre_last_error(), "found \"{{ raise_exception("));
    tokenizer_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_learnt_of_a_conversation),
        cmocka_unit_test(test_every_template),
        cmocka_unit_test(test_ways_of_thinking),
        cmocka_unit_test(test_thoughts_of_past_answers),
        cmocka_unit_test(test_system_by_default),
        cmocka_unit_test(test_control_tokens_in_messages),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_recognised),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_thoughts),
        cmocka_unit_test(test_public),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
