/* chat_template_list.c - THE LIST of chat templates. */
#include "text/chat_template.h"
#include "text/deepseek_marks.h"

static const chat_mark think[] = { { "<think>", CHAT_MARK_THOUGHT },
    { "</think>", CHAT_MARK_ANSWER }, { NULL, 0 } };
static const chat_mark channels[] = { { "<|channel|>", CHAT_MARK_NAMES },
    { "<|message|>", CHAT_MARK_NAMED }, { "<|end|>", CHAT_MARK_NOTHING },
    { "<|start|>", CHAT_MARK_NOTHING }, { NULL, 0 } };

static const chat_mark turns[] = { { "<|channel>", CHAT_MARK_TITLED },
    { "<channel|>", CHAT_MARK_ANSWER }, { NULL, 0 } };

/* Thoughts that are forgotten, also where they stand in an answer's text, ... */
static const chat_memory forgotten = { .keep = KEEP_NONE };
/* ... and those that the next message of a user ends. */
static const chat_memory qwen3_memory = { .keep = KEEP_RECENT,
    .open = "<think>\n",
    .close = "\n</think>\n\n",
    .trim = TRIM_LINES,
    .last_empty = true };
static const chat_memory qwen3_5_memory = { .keep = KEEP_RECENT,
    .open = "<think>\n",
    .close = "\n</think>\n\n",
    .trim = TRIM_BOTH,
    .empty = true };
static const chat_memory nemotron_memory = { .keep = KEEP_RECENT,
    .open = "<think>\n",
    .close = "\n</think>\n",
    .none = "<think></think>",
    .dropped = "<think></think>\n" };
static const chat_memory lfm_memory = {
    .keep = KEEP_RECENT, .open = "<think>", .close = "</think>"
};
static const chat_memory glm4_5_memory = { .keep = KEEP_RECENT,
    .open = "<think>",
    .close = "</think>\n",
    .none = "<think></think>\n",
    .trim = TRIM_BOTH };
static const chat_memory glm4_7_memory = { .keep = KEEP_RECENT,
    .open = "<think>",
    .close = "</think>",
    .none = "</think>",
    .trim = TRIM_BOTH };
static const chat_memory gemma_memory = {
    .keep = KEEP_CALLS, .open = "<|channel>thought\n", .close = "\n<channel|>"
};
static const chat_memory ling2_memory = {
    .keep = KEEP_RECENT, .open = "\n<think>\n", .close = "\n</think>\n\n", .trim = TRIM_LINES
};
static const chat_memory ling3_memory = { .keep = KEEP_ALL,
    .open = "\n<think>",
    .close = "</think>",
    .none = "\n<think></think>",
    .trim = TRIM_LINES };
static const chat_memory laguna_lines_memory = { .keep = KEEP_ALL,
    .open = "<think>\n",
    .close = "\n</think>\n",
    .none = "</think>\n",
    .trim = TRIM_BOTH };
static const chat_memory laguna_memory = {
    .keep = KEEP_ALL, .open = "<think>", .close = "</think>", .empty = true
};
static const chat_memory laguna_off_memory = { .keep = KEEP_NONE, .none = "</think>" };

/* A template that always thinks. The marks are in the template itself. */
static const chat_thinking always[] = { { .how = "on", .thinks = true }, { 0 } };
#define WAYS(...)                                                                                  \
    (const chat_thinking[])                                                                        \
    {                                                                                              \
        __VA_ARGS__, { 0 }                                                                         \
    }

#define EVERYONE                                                                                   \
    {                                                                                              \
        TRIM_BOTH, TRIM_BOTH, TRIM_BOTH                                                            \
    }
#define SYSTEM_SET "<|im_start|>system\nYou" /* a system's message by default */
#define PRESET "You are"

#define CHATML_FRAMES                                                                              \
    .frames = { { "<|im_start|>system\n", "<|im_end|>\n" },                                        \
        { "<|im_start|>user\n", "<|im_end|>\n" }, { "<|im_start|>assistant\n", "<|im_end|>\n" } }
#define CHATML_ENDS .ends = "<|im_end|> <|endoftext|>", .marks = think
#define CHATML CHATML_FRAMES, .answer = "<|im_start|>assistant\n", CHATML_ENDS

#define LLAMA3_USER                                                                                \
    {                                                                                              \
        "<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"                               \
    }
#define LLAMA3_ASSISTANT                                                                           \
    {                                                                                              \
        "<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"                          \
    }
#define LLAMA3_ENDS                                                                                \
    .answer = "<|start_header_id|>assistant<|end_header_id|>\n\n",                                 \
    .ends = "<|eot_id|> <|end_of_text|>", .trims = EVERYONE

#define GLM_ENDS .ends = "<|user|> <|observation|> <|endoftext|>"
#define DEEPSEEK_ENDS                                                                              \
    .ends = "<" BAR "end" UNDERLINE "of" UNDERLINE "sentence" BAR ">", .marks = think
#define DEEPSEEK_DENIALS                                                                           \
    {                                                                                              \
        "<think></think>", "enable_thinking"                                                       \
    }

#define HARMONY(effort)                                                                            \
    "<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.\n"       \
    "Knowledge cutoff: 2024-06\n\nReasoning: " effort "\n\n"                                       \
    "# Valid channels: analysis, commentary, final. Channel must be included for every "           \
    "message.<|end|>"

#define GRANITE                                                                                    \
    .frames = { { "<|start_of_role|>system<|end_of_role|>", "<|end_of_text|>\n" },                 \
        { "<|start_of_role|>user<|end_of_role|>", "<|end_of_text|>\n" },                           \
        { "<|start_of_role|>assistant<|end_of_role|>", "<|end_of_text|>\n" } },                    \
    .answer = "<|start_of_role|>assistant<|end_of_role|>", .ends = "<|end_of_text|>"

#define LING                                                                                       \
    .frames = { { "<role>SYSTEM</role>", "<|role_end|>" },                                         \
        { "<role>HUMAN</role>", "<|role_end|>" }, { "<role>ASSISTANT</role>", "<|role_end|>" } },  \
    .ends = "<|role_end|> <|endoftext|>", .system = "", .marks = think

#define LAGUNA_BEGIN "\xe3\x80\x88|EOS|\xe3\x80\x89"
#define POOLSIDE                                                                                   \
    "You are a helpful, conversationally-fluent assistant made by Poolside. You are here to be "   \
    "helpful to users through natural language conversations."
#define LAGUNA_LINES                                                                               \
    .begin = LAGUNA_BEGIN,                                                                         \
    .frames = { { "<system>\n\n", "\n</system>\n" }, { "<user>\n", "\n</user>\n" },                \
        { "<assistant>\n", "\n</assistant>\n" } },                                                 \
    .answer = "<assistant>\n</think>", .ends = "</assistant>",                                     \
    .trims = { [CHAT_SYSTEM] = TRIM_END, [CHAT_ASSISTANT] = TRIM_BOTH },                           \
    .memory = &laguna_lines_memory, .marks = think,                                                \
    .ways =                                                                                        \
        WAYS({ .how = "off" }, { .how = "on", .answer = "<assistant>\n<think>", .thinks = true })

#define KIMI                                                                                       \
    .frames = { { "<|im_system|>system<|im_middle|>", "<|im_end|>" },                              \
        { "<|im_user|>user<|im_middle|>", "<|im_end|>" },                                          \
        { "<|im_assistant|>assistant<|im_middle|>", "<|im_end|>" } },                              \
    .answer = "<|im_assistant|>assistant<|im_middle|>", .ends = "<|im_end|> [EOS]"

#define PHI                                                                                        \
    .frames = { { "<|system|>\n", "<|end|>\n" }, { "<|user|>\n", "<|end|>\n" },                    \
        { "<|assistant|>\n", "<|end|>\n" } },                                                      \
    .answer = "<|assistant|>\n", .ends = "<|end|> <|endoftext|>"

static const chat_template rows[] = {
    { .name = "gpt-oss",
        .signs = { "<|channel|>", "<|start|>" },
        .begin = HARMONY("medium"),
        .frames = { { "<|start|>developer<|message|># Instructions\n\n", "\n\n<|end|>" },
            { "<|start|>user<|message|>", "<|end|>" },
            { "<|start|>assistant<|channel|>final<|message|>", "<|end|>" } },
        .answer = "<|start|>assistant",
        .ends = "<|return|> <|call|>",
        .marks = channels,
        .headed = true,
        .ways = WAYS({ .how = "medium" }, { .how = "low", .begin = HARMONY("low") },
            { .how = "high", .begin = HARMONY("high") }) },
    { .name = "qwen2.5",
        .signs = { "<|im_start|>", "You are Qwen, created by Alibaba Cloud" },
        CHATML,
        .system = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant." },
    { .name = "qwen2",
        .signs = { "<|im_start|>", "You are a helpful assistant.<" },
        CHATML,
        .system = "You are a helpful assistant." },
    { .name = "qwen1.5",
        .signs = { "<|im_start|>", "You are a helpful assistant<" },
        CHATML,
        .system = "You are a helpful assistant" },
    /* Tools come with a system message. */
    { .name = "qwen3-coder",
        .signs = { "<|im_start|>", "You are Qwen, a helpful AI assistant" },
        CHATML },
    { .name = "qwen3-thinking",
        .signs = { "<|im_start|>assistant\n<think>\n'" },
        .denials = { SYSTEM_SET, "bos_token", "enable_thinking" },
        CHATML_FRAMES,
        .answer = "<|im_start|>assistant\n<think>\n",
        CHATML_ENDS,
        .thinks = true,
        .memory = &qwen3_memory,
        .ways = always },
    { .name = "qwen3.5",
        .signs = { "<|im_start|>", "'<think>\n\n</think>\n\n'", "'<think>\n'" },
        .denials = { SYSTEM_SET, "bos_token" },
        CHATML_FRAMES,
        .answer = "<|im_start|>assistant\n<think>\n",
        CHATML_ENDS,
        .trims = EVERYONE,
        .memory = &qwen3_5_memory,
        .thinks = true,
        .ways = WAYS({ .how = "on", .thinks = true },
            { .how = "off", .answer = "<|im_start|>assistant\n<think>\n\n</think>\n\n" }) },
    { .name = "qwen3",
        .signs = { "<|im_start|>", "'<think>\n\n</think>\n\n'", "enable_thinking" },
        .denials = { SYSTEM_SET, "bos_token", "'<think>\n'", "assistant\n<think>" },
        CHATML,
        .memory = &qwen3_memory,
        .ways = WAYS({ .how = "on" },
            { .how = "off", .answer = "<|im_start|>assistant\n<think>\n\n</think>\n\n" }) },
    { .name = "nemotron3",
        .signs = { "<|im_start|>", "truncate_history_thinking", "<think></think>" },
        CHATML_FRAMES,
        .answer = "<|im_start|>assistant\n<think>\n",
        CHATML_ENDS,
        .system = "",
        .trims = { [CHAT_ASSISTANT] = TRIM_END },
        .memory = &nemotron_memory,
        .thinks = true,
        .ways = WAYS({ .how = "on", .thinks = true },
            { .how = "off", .answer = "<|im_start|>assistant\n<think></think>" }) },
    { .name = "lfm2",
        .signs = { "<|im_start|>", "<|tool_list_start|>", "bos_token" },
        .begin = "{bos}",
        CHATML },
    { .name = "lfm2.5",
        .signs = { "<|im_start|>", "List of tools: [", "bos_token" },
        .denials = { "<|tool_list_start|>" },
        .begin = "{bos}",
        CHATML,
        .memory = &lfm_memory },
    { .name = "chatml-bos",
        .signs = { "<|im_start|>", "bos_token" },
        .denials = { SYSTEM_SET, "'<think>\n'", "assistant\n<think>", "Knowledge Cutoff" },
        .begin = "{bos}",
        CHATML },
    { .name = "chatml",
        .signs = { "<|im_start|>" },
        .denials = { SYSTEM_SET, "'<think>\n'", "assistant\n<think>", "Knowledge Cutoff" },
        CHATML },
    { .name = "llama-3.1",
        .signs = { "<|start_header_id|>", "'Cutting Knowledge Date: December 2023\n",
            "26 Jul 2024" },
        .begin = "{bos}",
        .frames = { { "<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: "
                      "December 2023\n"
                      "Today Date: 26 Jul 2024\n\n",
                        "<|eot_id|>" },
            LLAMA3_USER, LLAMA3_ASSISTANT },
        LLAMA3_ENDS,
        .system = "" },
    { .name = "llama-3",
        .signs = { "<|start_header_id|>" },
        .denials = { "Knowledge Date", "recipient" },
        .begin = "{bos}",
        .frames = { { "<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>" }, LLAMA3_USER,
            LLAMA3_ASSISTANT },
        LLAMA3_ENDS },
    { .name = "mistral-v7",
        .signs = { "[SYSTEM_PROMPT] " },
        .denials = { "default_system_message" },
        .begin = "{bos}",
        .frames = { { "[SYSTEM_PROMPT] ", "[/SYSTEM_PROMPT]" }, { "[INST] ", "[/INST]" },
            { " ", "{eos}" } },
        .ends = "" },
    { .name = "mistral-v3-tekken",
        .signs = { "[AVAILABLE_TOOLS]", "'[INST]'" },
        .denials = { "[SYSTEM_PROMPT]" },
        .begin = "{bos}",
        .frames = { { "", "\n\n" }, { "[INST]", "[/INST]" }, { "", "{eos}" } },
        .ends = "",
        .system_place = SYSTEM_IN_LAST },
    { .name = "mistral-v3",
        .signs = { "[AVAILABLE_TOOLS]" },
        .denials = { "[SYSTEM_PROMPT]" },
        .begin = "{bos}",
        .frames = { { "", "\n\n" }, { "[INST] ", "[/INST]" }, { " ", "{eos}" } },
        .ends = "",
        .system_place = SYSTEM_IN_LAST,
        .trims = { [CHAT_ASSISTANT] = TRIM_BOTH } },
    { .name = "llama-2",
        .signs = { "<<SYS>>" },
        .frames = { { "<<SYS>>\n", "\n<</SYS>>\n\n" }, { "{bos}[INST] ", " [/INST]" },
            { " ", " {eos}" } },
        .ends = "",
        .system_place = SYSTEM_IN_FIRST,
        .trims = EVERYONE },
    { .name = "mistral-v1",
        .signs = { " [INST] " },
        .denials = { "[SYSTEM_PROMPT]" },
        .begin = "{bos}",
        .frames = { { "", "\n\n" }, { " [INST] ", " [/INST]" }, { " ", "{eos}" } },
        .ends = "",
        .system_place = SYSTEM_IN_FIRST },
    { .name = "mistral",
        .signs = { "[INST]" },
        .denials = { "[SYSTEM_PROMPT]" },
        .begin = "{bos}",
        .frames = { { "", "\n\n" }, { "[INST] ", " [/INST]" }, { "", "{eos}" } },
        .ends = "",
        .system_place = SYSTEM_IN_FIRST },
    { .name = "deepseek-r1",
        .signs = { "<" BAR "Assistant" BAR "><think>\n" },
        .denials = DEEPSEEK_DENIALS,
        .begin = "{bos}",
        .frames = { { "", "" }, { "<" BAR "User" BAR ">", "" },
            { "<" BAR "Assistant" BAR ">", "{eos}" } },
        .answer = "<" BAR "Assistant" BAR "><think>\n",
        DEEPSEEK_ENDS,
        .memory = &forgotten,
        .thinks = true,
        .ways = always },
    { .name = "deepseek-v3.1",
        .signs = { "<" BAR "Assistant" BAR ">", "</think>", "thinking" },
        .denials = DEEPSEEK_DENIALS,
        .begin = "{bos}",
        .frames = { { "", "" }, { "<" BAR "User" BAR ">", "" },
            { "<" BAR "Assistant" BAR "></think>", "{eos}" } },
        .answer = "<" BAR "Assistant" BAR "></think>",
        DEEPSEEK_ENDS,
        .memory = &forgotten,
        .ways = WAYS({ .how = "off" },
            { .how = "on", .answer = "<" BAR "Assistant" BAR "><think>", .thinks = true }) },
    { .name = "deepseek-v3",
        .signs = { "<" BAR "Assistant" BAR ">" },
        .denials = DEEPSEEK_DENIALS,
        .begin = "{bos}",
        .frames = { { "", "" }, { "<" BAR "User" BAR ">", "" },
            { "<" BAR "Assistant" BAR ">", "{eos}" } },
        .answer = "<" BAR "Assistant" BAR ">",
        DEEPSEEK_ENDS },
    { .name = "ernie4.5-sep",
        .signs = { "'User: '", "'Assistant: '", "sep_token" },
        .begin = "<|begin_of_sentence|>",
        .frames = { { "", "\n" }, { "User: ", "\n" }, { "Assistant: ", "<|end_of_sentence|>" } },
        .answer = "Assistant: ",
        .ends = "<|end_of_sentence|>" },
    { .name = "ernie4.5",
        .signs = { "'User: '", "'Assistant: '", "cls_token" },
        .begin = "<|begin_of_sentence|>",
        .frames = { { "", "\n" }, { "User: ", "\n" }, { "Assistant: ", "{eos}" } },
        .answer = "Assistant: ",
        .ends = "<|end_of_sentence|>" },
    { .name = "deepseek",
        .signs = { "'User: '", "'Assistant: '", "eos_token" },
        .begin = "{bos}",
        .frames = { { "", "\n\n" }, { "User: ", "\n\n" }, { "Assistant: ", "{eos}" } },
        .answer = "Assistant:",
        DEEPSEEK_ENDS },
    { .name = "gemma4", /* asked for no thought, as its own template does if nobody says more */
        .signs = { "<|turn>", "<turn|>" },
        .begin = "{bos}",
        .frames = { { "<|turn>system\n", "<turn|>\n" }, { "<|turn>user\n", "<turn|>\n" },
            { "<|turn>model\n", "<turn|>\n" } },
        .answer = "<|turn>model\n<|channel>thought\n<channel|>",
        .ends = "<turn|> <eos>",
        .trims = EVERYONE,
        .memory = &gemma_memory,
        .marks = turns,
        .ways = WAYS({ .how = "off" }, { .how = "on",
                                           .system_before = "<|turn>system\n<|think|>\n",
                                           .answer = "<|turn>model\n" }) },
    { .name = "ling3",
        .signs = { "<role>", "detailed thinking ", "set preserved_thinking = true" },
        LING,
        .answer = "<role>ASSISTANT</role>\n<think>",
        .mode = "detailed thinking on",
        .memory = &ling3_memory,
        .thinks = true,
        .ways = WAYS({ .how = "on", .thinks = true },
            { .how = "off",
                .answer = "<role>ASSISTANT</role>\n<think></think>",
                .mode = "detailed thinking off" }) },
    { .name = "ling2",
        .signs = { "<role>", "set thinking_option = 'off'" },
        LING,
        .answer = "<role>ASSISTANT</role>",
        .mode = "detailed thinking off",
        .memory = &ling2_memory },
    { .name = "laguna",
        .signs = { LAGUNA_BEGIN, "'<assistant>'", "<think>" },
        .begin = LAGUNA_BEGIN,
        .frames = { { "<system>", "</system>\n" }, { "<user>", "</user>\n" },
            { "<assistant>", "</assistant>\n" } },
        .answer = "<assistant><think>",
        .ends = "</assistant>",
        .system = POOLSIDE,
        .trims = { [CHAT_SYSTEM] = TRIM_END },
        .memory = &laguna_memory,
        .marks = think,
        .thinks = true,
        .ways = WAYS({ .how = "on", .thinks = true },
            { .how = "off", .answer = "<assistant></think>", .memory = &laguna_off_memory }) },
    { .name = "laguna-xs.2",
        .signs = { LAGUNA_BEGIN, "'<assistant>\n'", "made by Poolside" },
        LAGUNA_LINES,
        .system = POOLSIDE },
    { .name = "laguna-xs", .signs = { LAGUNA_BEGIN, "'<assistant>\n'" }, LAGUNA_LINES },
    { .name = "kimi-k2",
        .signs = { "<|im_user|>", "You are Kimi, an AI assistant created", "tool_response_queue" },
        KIMI,
        .system = "You are Kimi, an AI assistant created by Moonshot AI.",
        .system_after = "<|im_end|>\n" },
    { .name = "kimi",
        .signs = { "<|im_user|>", "<|im_middle|>", "You are Kimi, an AI assistant created" },
        KIMI,
        .system = "You are Kimi, an AI assistant created by Moonshot AI." },
    { .name = "kimi-k2-2507",
        .signs = { "<|im_user|>", "<|im_middle|>", "You are a helpful assistant<" },
        KIMI,
        .system = "You are a helpful assistant" },
    { .name = "granite-3.1",
        .signs = { "<|start_of_role|>", "Knowledge Cutoff Date: April 2024.\nToday" },
        GRANITE,
        .system = "Knowledge Cutoff Date: April 2024.\nYou are Granite, developed by IBM. You are "
                  "a helpful AI assistant." },
    { .name = "granite-3.3",
        .signs = { "<|start_of_role|>", "Knowledge Cutoff Date: April 2024. Today" },
        GRANITE,
        .system = "Knowledge Cutoff Date: April 2024. You are Granite, developed by IBM. You are a "
                  "helpful AI assistant." },
    { .name = "granite-4.0",
        .signs = { "<|start_of_role|>", "professional, accurate, and safe" },
        GRANITE,
        .system = "You are a helpful assistant. Please ensure responses are professional, "
                  "accurate, and safe." },
    { .name = "granite",
        .signs = { "<|start_of_role|>" },
        .denials = { "Knowledge Cutoff", "accurate, and safe" },
        GRANITE },
    { .name = "glm4.7",
        .signs = { "[gMASK]<sop>", "<|user|>{{", "'<think>'" },
        .begin = "[gMASK]<sop>",
        .frames = { { "<|system|>", "" }, { "<|user|>", "" }, { "<|assistant|>", "" } },
        .answer = "<|assistant|><think>",
        GLM_ENDS,
        .trims = { [CHAT_ASSISTANT] = TRIM_BOTH },
        .memory = &glm4_7_memory,
        .marks = think,
        .thinks = true,
        .ways = WAYS(
            { .how = "on", .thinks = true }, { .how = "off", .answer = "<|assistant|></think>" }) },
    { .name = "glm4.5",
        .signs = { "[gMASK]<sop>", "<think>" },
        .denials = { "<|user|>{{" },
        .begin = "[gMASK]<sop>",
        .frames = { { "<|system|>\n", "" }, { "<|user|>\n", "" }, { "<|assistant|>\n", "" } },
        .answer = "<|assistant|>",
        GLM_ENDS,
        .trims = { [CHAT_ASSISTANT] = TRIM_BOTH },
        .memory = &glm4_5_memory,
        .marks = think,
        .ways = WAYS({ .how = "on" },
            { .how = "off", .answer = "<|assistant|>\n<think></think>", .suffix = "/nothink" }) },
    { .name = "glm4",
        .signs = { "[gMASK]<sop>" },
        .denials = { "<|user|>{{" },
        .begin = "[gMASK]<sop>",
        .frames = { { "<|system|>\n", "" }, { "<|user|>\n", "" }, { "<|assistant|>\n", "" } },
        .answer = "<|assistant|>\n",
        GLM_ENDS },
    { .name = "phi-3",
        .signs = { "<|user|>", "<|end|>", "bos_token" },
        .denials = { PRESET },
        .begin = "{bos}",
        PHI },
    { .name = "phi-3.5",
        .signs = { "<|user|>", "<|end|>" },
        .denials = { PRESET, "bos_token" },
        PHI },
    { .name = "tulu",
        .signs = { "<|user|>", "<|assistant|>", "bos_token" },
        .denials = { PRESET, "<|end|>" },
        .begin = "{bos}",
        .frames = { { "<|system|>\n", "\n" }, { "<|user|>\n", "\n" },
            { "<|assistant|>\n", "{eos}\n" } },
        .answer = "<|assistant|>\n",
        .ends = "" },
    { .name = "zephyr",
        .signs = { "<|user|>", "<|assistant|>", "eos_token" },
        .denials = { PRESET, "<|end|>" },
        .frames = { { "<|system|>\n", "{eos}\n" }, { "<|user|>\n", "{eos}\n" },
            { "<|assistant|>\n", "{eos}\n" } },
        .answer = "<|assistant|>\n",
        .ends = "" },
};

const chat_template *chat_template_at(int index)
{
    return index >= 0 && index < (int)(sizeof rows / sizeof *rows) ? &rows[index] : NULL;
}
