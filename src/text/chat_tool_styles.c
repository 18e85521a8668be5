/* chat_tool_styles.c - THE LIST of ways to call functions. */
#include <string.h>

#include "text/chat_template.h"
#include "text/chat_tools.h"
#include "text/deepseek_marks.h"

/* ---- how arguments are written ---- */

#define GLM_TAGS                                                                                   \
    .begin = "<arg_key>", .between = "", .key_end = "</arg_key>", .value_begin = "<arg_value>",    \
    .value_end = "</arg_value>", .end = "</tool_call>", .close = "</tool_call>"

static const chat_pairs glm_lines = { GLM_TAGS, .named = "</arg_key>\n<arg_value>",
    .given = "</arg_value>\n" };
static const chat_pairs glm_pairs = { GLM_TAGS, .named = "</arg_key><arg_value>",
    .given = "</arg_value>" };
static const chat_pairs ling_pairs = { GLM_TAGS, .named = "</arg_key>\n<arg_value>",
    .given = "</arg_value>" };
static const chat_pairs xml_pairs = { .begin = "<parameter=",
    .named = ">\n",
    .given = "\n</parameter>\n",
    .between = "",
    .key_end = ">",
    .value_begin = "",
    .value_end = "</parameter>",
    .end = "</function>",
    .close = "</tool_call>",
    .lines = true,
    .python = true };
static const chat_pairs python_pairs = {
    .begin = "", .named = "=", .given = "", .between = ", ", .quoted = true, .python = true
};

/* ---- how functions are told ---- */

#define MAY_CALL                                                                                   \
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are "     \
    "provided with function signatures within <tools></tools> XML tags:\n<tools>"
#define WITHIN_TAGS                                                                                \
    "within <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, "          \
    "\"arguments\": <args-json-object>}\n</tool_call>"
#define RETURN_JSON                                                                                \
    "\n</tools>\n\nFor each function call, return a json object with function name and "           \
    "arguments " WITHIN_TAGS
#define GLM_FORMAT                                                                                 \
    "output the function name and arguments within the following XML format:\n<tool_call>"         \
    "{function-name}\n<arg_key>{arg-key-1}</arg_key>\n<arg_value>{arg-value-1}</arg_value>\n"      \
    "<arg_key>{arg-key-2}</arg_key>\n<arg_value>{arg-value-2}</arg_value>\n...\n</tool_call>"
#define XML_EXAMPLE(name, value)                                                                   \
    "\n</tools>\n\nIf you choose to call a " name " ONLY reply in the following format with NO "   \
    "suffix:\n\n<tool_call>\n<function=example_function_name>\n"                                   \
    "<parameter=example_parameter_1>\nvalue_1\n</parameter>\n"                                     \
    "<parameter=example_parameter_2>\n" value "\n</parameter>\n</function>\n</tool_call>\n\n"      \
    "<IMPORTANT>\nReminder:\n- Function calls MUST follow the specified format: "
#define XML_END                                                                                    \
    "\n- Required parameters MUST be specified\n- You may provide optional reasoning for your "    \
    "function call in natural language BEFORE the function call, but NOT after\n- If there is no " \
    "function call available, answer the question like normal with your current knowledge and "    \
    "do not tell the user about function calls\n</IMPORTANT>"
#define XML_FUNCTION                                                                               \
    XML_EXAMPLE(                                                                                   \
        "function", "This is the value for the second parameter\nthat can span\nmultiple lines")   \
    "an inner <function=...></function> block must be nested within <tool_call></tool_call> XML "  \
    "tags" XML_END
#define XML_TOOL                                                                                   \
    XML_EXAMPLE("tool", "value_2")                                                                 \
    "the tool calling block MUST begin with an opening <tool_call> tag and end with a closing "    \
    "</tool_call> tag." XML_END

#define AVAILABLE                                                                                  \
    "### Tools\n\nYou may call functions to assist with the user query.\nAll available function "  \
    "signatures are listed below:\n<available_tools>\n"
#define LAGUNA_FORMAT "within '<tool_call>' and '</tool_call>' tags, like here:\n"
#define LAGUNA_CALL                                                                                \
    "<tool_call>function-name\n<arg_key>argument-key</arg_key>\n"                                  \
    "<arg_value>value-of-argument-key</arg_value>\n</tool_call>"
#define UNESCAPED "an unescaped XML-like object with function name and arguments "

/* ---- results ---- */

#define RESPONSES(begin, close)                                                                    \
    {                                                                                              \
        .first = begin, .before = "\n<tool_response>\n", .after = "\n</tool_response>",            \
        .last = close                                                                              \
    }
#define RESPONSE_LINES(begin, close)                                                               \
    {                                                                                              \
        .first = begin, .before = "<tool_response>\n", .after = "\n</tool_response>\n",            \
        .last = close                                                                              \
    }

/* ---- calls ---- */

#define JSON_CALLS                                                                                 \
    .mark = "<tool_call>", .begin = "<tool_call>\n{\"name\": \"",                                  \
    .named = "\", \"arguments\": ", .given = "}\n</tool_call>",                                    \
    .between = "\n<tool_call>\n{\"name\": \"", .end = "", .then = "\n"
#define XML_CALLS                                                                                  \
    .mark = "<tool_call>", .begin = "<tool_call>\n<function=", .named = ">\n", .end = "",          \
    .pairs = &xml_pairs
#define PAIR_CALLS .mark = "<tool_call>", .begin = "<tool_call>", .end = ""
#define LFM_CALLS                                                                                  \
    .sign = "List of tools: ", .mark = "<|tool_call_start|>", .begin = "<|tool_call_start|>[",     \
    .named = "(", .given = ")", .between = ", ", .end = "]<|tool_call_end|>",                      \
    .pairs = &python_pairs, .then = ""
#define LAGUNA_LINES                                                                               \
    .sign = "<available_tools>", PAIR_CALLS, .named = "\n", .given = "</tool_call>\n",             \
    .between = "<tool_call>", .pairs = &glm_lines, .then = "\n", .after = "</assistant>\n",        \
    .results = RESPONSE_LINES("", "")
#define LAGUNA_TOLD                                                                                \
    .told = { .alone_set = "\n",                                                                   \
        .beside = "\n\n",                                                                          \
        .begin = AVAILABLE,                                                                        \
        .after = "\n",                                                                             \
        .end = "</available_tools>\n\nFor each function call, return " UNESCAPED LAGUNA_FORMAT     \
            LAGUNA_CALL,                                                                           \
        .end_thinking =                                                                            \
            "</available_tools>\n\nWrap your thinking in '<think>', '</think>' tags, "             \
            "followed by a function call. For each function call, return " UNESCAPED LAGUNA_FORMAT \
            "<think> your thoughts here </think>\n" LAGUNA_CALL }

static const chat_tool_style rows[] = {
    { .name = "hermes",
        .templates = " qwen3 qwen3-thinking qwen2.5 chatml chatml-bos ",
        .sign = "<tool_call>",
        JSON_CALLS,
        .told = { .beside = "\n\n", .begin = MAY_CALL, .before = "\n", .end = RETURN_JSON },
        .results = RESPONSES("<|im_start|>user", "<|im_end|>\n") },
    { .name = "granite4",
        .templates = " granite-4.0 granite ",
        .sign = "with access to the following tools. You may call one or more tools",
        JSON_CALLS,
        .told = { .alone = true,
            .beside = "\n\n",
            .begin = "You are a helpful assistant with access to the following tools. You may call "
                     "one or more tools to assist with the user query.\n\nYou are provided with "
                     "function signatures within <tools></tools> XML tags:\n<tools>",
            .before = "\n",
            .end = "\n</tools>\n\nFor each tool call, return a json object with function name and "
                   "arguments " WITHIN_TAGS ". If a tool does not exist in the provided list of "
                   "tools, notify the user that you do not have the ability to fulfill the "
                   "request." },
        .results = RESPONSES("<|start_of_role|>user<|end_of_role|>", "<|end_of_text|>\n") },
    { .name = "ling2",
        .templates = " ling2 ",
        .sign = "<tool_call>",
        JSON_CALLS,
        .told = { .beside = "\n", .begin = MAY_CALL, .before = "\n", .end = RETURN_JSON "\n" },
        .results = RESPONSES("<role>OBSERVATION</role>", "<|role_end|>") },
    { .name = "ling3",
        .templates = " ling3 ",
        .sign = "<arg_key>",
        PAIR_CALLS,
        .named = "\n",
        .given = "\n</tool_call>",
        .between = "\n<tool_call>",
        .pairs = &ling_pairs,
        .then = "\n",
        .told = { .beside = "\n",
            .begin = MAY_CALL,
            .before = "\n",
            .end = "\n</tools>\n\nIf none of the functions can be used, point it out. If the given "
                   "question lacks the parameters required by the function, also point it out.\n"
                   "If you need to use a function, for each function call, " GLM_FORMAT "\n" },
        .results = RESPONSES("<role>OBSERVATION</role>", "<|role_end|>") },
    { .name = "qwen3.5",
        .templates = " qwen3.5 ",
        .sign = "<function=",
        XML_CALLS,
        .given = "</function>\n</tool_call>",
        .between = "\n<tool_call>\n<function=",
        .then = "\n\n",
        .told = { .place = TOLD_BEFORE,
            .beside = "\n\n",
            .begin = "# Tools\n\nYou have access to the following functions:\n\n<tools>",
            .before = "\n",
            .end = XML_FUNCTION },
        .results = { .first = "<|im_start|>user",
            .before = "\n<tool_response>\n",
            .after = "\n</tool_response>",
            .last = "<|im_end|>\n",
            .trims = true } },
    { .name = "qwen3-coder",
        .templates = " qwen3-coder ",
        .sign = "You have access to the following tools:",
        XML_CALLS,
        .given = "</function>\n</tool_call>",
        .between = "\n<tool_call>\n<function=",
        .then = "\n\n",
        .told = { .item = TOLD_XML,
            .beside = "\n\n",
            .alone_set = "You are Qwen, a helpful AI assistant that can interact with a computer "
                         "to solve tasks.\n\n",
            .begin = "# Tools\n\nYou have access to the following tools:\n\n<tools>",
            .end = XML_TOOL },
        .results = RESPONSE_LINES("<|im_start|>user\n", "<|im_end|>\n") },
    { .name = "nemotron3",
        .templates = " nemotron3 ",
        .sign = "<function=",
        XML_CALLS,
        .given = "</function>\n</tool_call>\n",
        .between = "<tool_call>\n<function=",
        .then = "\n",
        .then_always = true,
        .told = { .item = TOLD_XML,
            .beside = "\n\n",
            .begin = "# Tools\n\nYou have access to the following functions:\n\n<tools>",
            .end = XML_FUNCTION },
        .results = RESPONSE_LINES("<|im_start|>user\n", "<|im_end|>\n") },
    { .name = "glm4.5",
        .templates = " glm4.5 ",
        .sign = "<arg_key>",
        PAIR_CALLS,
        .named = "\n",
        .given = "</tool_call>",
        .between = "\n<tool_call>",
        .pairs = &glm_lines,
        .then = "\n",
        .told = { .place = TOLD_APART,
            .begin = "<|system|>\n" MAY_CALL "\n",
            .after = "\n",
            .end = "</tools>\n\nFor each function call, " GLM_FORMAT },
        .results = RESPONSES("<|observation|>", "") },
    { .name = "glm4.7",
        .templates = " glm4.7 ",
        .sign = "<arg_key>",
        PAIR_CALLS,
        .named = "",
        .given = "</tool_call>",
        .between = "<tool_call>",
        .pairs = &glm_pairs,
        .then = "",
        .told = { .place = TOLD_APART,
            .begin = "<|system|>\n" MAY_CALL "\n",
            .after = "\n",
            .end = "</tools>\n\nFor each function call, output the function name and arguments "
                   "within the following XML format:\n<tool_call>{function-name}<arg_key>"
                   "{arg-key-1}</arg_key><arg_value>{arg-value-1}</arg_value><arg_key>{arg-key-2}"
                   "</arg_key><arg_value>{arg-value-2}</arg_value>...</tool_call>" },
        .results = { .first = "<|observation|>",
            .before = "<tool_response>",
            .after = "</tool_response>",
            .last = "" } },
    { .name = "laguna-xs.2", .templates = " laguna-xs.2 laguna-xs ", LAGUNA_LINES, LAGUNA_TOLD },
    { .name = "laguna",
        .templates = " laguna ",
        .sign = "<available_tools>",
        PAIR_CALLS,
        .named = "",
        .given = "</tool_call>",
        .between = "<tool_call>",
        .pairs = &glm_pairs,
        .then = "",
        .told = { .beside = "\n\n",
            .begin = AVAILABLE,
            .after = "\n",
            .end = "</available_tools>" },
        .results = { .first = "",
            .before = "<tool_response>",
            .after = "</tool_response>\n",
            .last = "" } },
    { .name = "lfm2",
        .templates = " lfm2 ",
        LFM_CALLS,
        .told = { .beside = "\n",
            .begin = "List of tools: <|tool_list_start|>[",
            .between = ", ",
            .end = "]<|tool_list_end|>" },
        .results = { .first = "",
            .before = "<|im_start|>tool\n<|tool_response_start|>",
            .after = "<|tool_response_end|><|im_end|>\n",
            .last = "" } },
    { .name = "lfm2.5",
        .templates = " lfm2.5 ",
        LFM_CALLS,
        .told = { .beside = "\n", .begin = "List of tools: [", .between = ", ", .end = "]" },
        .results = { .first = "",
            .before = "<|im_start|>tool\n",
            .after = "<|im_end|>\n",
            .last = "" } },
    { .name = "kimi-k2",
        .kind = CHAT_TOOLS_KIMI,
        .templates = " kimi-k2 ",
        .sign = "<|tool_calls_section_begin|>",
        .mark = "<|tool_calls_section_begin|>",
        .begin = "<|tool_calls_section_begin|><|tool_call_begin|>functions.",
        .named = "<|tool_call_argument_begin|>",
        .given = "<|tool_call_end|>",
        .between = "<|tool_call_begin|>functions.",
        .end = "<|tool_calls_section_end|>",
        .then = "",
        .numbered = true,
        .told = { .place = TOLD_APART,
            .begin = "<|im_system|>tool_declare<|im_middle|>[",
            .between = ", ",
            .end = "]<|im_end|>" } },
    { .name = "gemma4",
        .kind = CHAT_TOOLS_GEMMA,
        .templates = " gemma4 ",
        .sign = "<|tool_call>",
        .mark = "<|tool_call>",
        .begin = "<|tool_call>call:",
        .named = "{",
        .given = "}<tool_call|>",
        .between = "<|tool_call>call:",
        .end = "",
        .then = "",
        .told = { .item = TOLD_GEMMA, .beside = "", .before = "<|tool>", .after = "<tool|>" } },
    { .name = "deepseek-v3.1",
        .kind = CHAT_TOOLS_DEEPSEEK,
        .templates = " deepseek-v3.1 ",
        .sign = TOOL "sep" BAR ">",
        .mark = TOOL "calls" UNDERLINE "begin" BAR ">",
        .begin = TOOL "calls" UNDERLINE "begin" BAR ">" TOOL "call" UNDERLINE "begin" BAR ">",
        .named = TOOL "sep" BAR ">",
        .given = TOOL "call" UNDERLINE "end" BAR ">",
        .between = TOOL "call" UNDERLINE "begin" BAR ">",
        .end = TOOL "calls" UNDERLINE "end" BAR ">",
        .then = "",
        .results = { .first = "",
            .before = TOOL "output" UNDERLINE "begin" BAR ">",
            .after = TOOL "output" UNDERLINE "end" BAR ">",
            .last = "" } },
    { .name = "mistral-v3",
        .kind = CHAT_TOOLS_MISTRAL,
        .templates = " mistral-v3 ",
        .sign = "[TOOL_CALLS]",
        .mark = "[TOOL_CALLS]",
        .begin = "[TOOL_CALLS] [{\"name\": \"",
        .named = "\", \"arguments\": ",
        .given = "}",
        .between = ", {\"name\": \"",
        .end = "]",
        .told = { .begin = "[AVAILABLE_TOOLS] [", .between = ", ", .end = "][/AVAILABLE_TOOLS]" },
        .results = { .before = "[TOOL_RESULTS] {\"content\": " } },
    { .name = "mistral-v3-tekken",
        .kind = CHAT_TOOLS_MISTRAL,
        .templates = " mistral-v3-tekken ",
        .sign = "[TOOL_CALLS]",
        .mark = "[TOOL_CALLS]",
        .begin = "[TOOL_CALLS][{\"name\": \"",
        .named = "\", \"arguments\": ",
        .given = "}",
        .between = ", {\"name\": \"",
        .end = "]",
        .told = { .begin = "[AVAILABLE_TOOLS][", .between = ", ", .end = "][/AVAILABLE_TOOLS]" },
        .results = { .before = "[TOOL_RESULTS]{\"content\": " } },
    { .name = "gpt-oss",
        .kind = CHAT_TOOLS_HARMONY,
        .templates = " gpt-oss ",
        .sign = "functions.",
        .mark = "<|channel|>",
        .begin = "<|channel|>commentary to=functions.",
        .named = " <|constrain|>json<|message|>",
        .given = "",
        .between = "",
        .end = "",
        .one = true },
};

static bool has_word(const char *words, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at++)
        if (at[-1] == ' ' && at[size] == ' ') return true;
    return false;
}

const chat_tool_style *chat_tool_style_of(const chat_template *c, string_view program)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (has_word(rows[i].templates, chat_template_name(c)) &&
            (program.size == 0 || chat_template_has(program, rows[i].sign)))
            return &rows[i];
    return NULL;
}
