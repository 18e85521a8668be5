#!/usr/bin/env python3
"""Conversations in the templates of published models, beside transformers' apply_chat_template.

usage: tests/oracle/chat.py tokenizer.json [PROGRAM]     with a Python that has transformers; any
                                                         byte-level tokenizer.json

The templates are written as the models publish them, without the parts about tools. Each is saved
with a tokenizer that knows its control tokens; `cadre tokenize --chat own` must recognise it and
give the ids that transformers gives. Two things differ by intention: gpt-oss's and Granite's
templates tell the date, which is taken out here, and control tokens in messages stay plain text, so
the messages have none."""

import json, re, subprocess, sys, tempfile

from transformers import PreTrainedTokenizerFast
from transformers.utils import logging

PROGRAM = sys.argv[2] if len(sys.argv) > 2 else "build/cadre"

CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] "
    "+ '<|im_end|>' + '\\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
QWEN2 = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
QWEN25 = (
    "{%- if messages[0]['role'] == 'system' %}{{- '<|im_start|>system\\n' + messages[0]['content'] "
    "+ '<|im_end|>\\n' }}{%- else %}"
    "{{- '<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. You are a helpful "
    "assistant.<|im_end|>\\n' }}{%- endif %}"
    "{%- for message in messages %}{%- if (message.role == \"user\") or (message.role == "
    "\"system\" and not loop.first) or "
    "(message.role == \"assistant\") %}{{- '<|im_start|>' + message.role + '\\n' + message.content "
    "+ '<|im_end|>' + '\\n' }}"
    "{%- endif %}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
    "{%- endif %}"
)
QWEN3 = """{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set content = message.content %}
        {%- set reasoning_content = '' %}
        {%- if '</think>' in message.content %}
            {%- set content = message.content.split('</think>')[-1].lstrip('\\n') %}
            {%- set reasoning_content = message.content.split('</think>')[0].rstrip('\\n')\
.split('<think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index %}
            {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + \
'\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""
QWEN3_THINKING = (
    QWEN3[: QWEN3.rindex("{%- if add_generation_prompt %}")] + """{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n<think>\\n' }}
{%- endif %}"""
)
QWEN3_CODER = """{%- if messages[0]["role"] == "system" %}\
{%- set system_message = messages[0]["content"] %}{%- set loop_messages = messages[1:] %}
{%- else %}{%- set loop_messages = messages %}{%- endif %}
{%- if system_message is defined %}
    {{- "<|im_start|>system\\n" + system_message }}
{%- else %}
    {%- if tools is iterable and tools | length > 0 %}
        {{- "<|im_start|>system\\nYou are Qwen, a helpful AI assistant that can interact with a \
computer to solve tasks." }}
    {%- endif %}
{%- endif %}
{%- if system_message is defined %}{{- '<|im_end|>\\n' }}{%- endif %}
{%- for message in loop_messages %}
    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""
MIXTRAL = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 "
    "% 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}"
    "{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}"
    "{{ message['content'] + eos_token}}{% else %}{{ raise_exception('Only user and assistant "
    "roles are supported!') }}{% endif %}{% endfor %}"
)
SYSTEM_ASIDE = (
    "{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content'] %}"
    "{%- set loop_messages = messages[1:] %}"
    "{%- else %}{%- set loop_messages = messages %}{%- endif %}"
)
MIXTRAL_2 = SYSTEM_ASIDE + """{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message['role'] == 'user' %}
        {%- if loop.first and system_message is defined %}
            {{- ' [INST] ' + system_message + '\\n\\n' + message['content'] + ' [/INST]' }}
        {%- else %}
            {{- ' [INST] ' + message['content'] + ' [/INST]' }}
        {%- endif %}
    {%- elif message['role'] == 'assistant' %}
        {{- ' ' + message['content'] + eos_token}}
    {%- endif %}
{%- endfor %}"""
MISTRAL_V3 = SYSTEM_ASIDE + """{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and false %}{{- "[AVAILABLE_TOOLS] [" }}{%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- endif %}
{%- endfor %}"""
DEEPSEEK_V2 = (
    "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}"
    "{% endif %}{{ bos_token }}"
    "{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ 'User: ' + message['content'] + '\\n\\n' }}"
    "{% elif message['role'] == 'assistant' %}{{ 'Assistant: ' + message['content'] + eos_token }}"
    "{% elif message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
DEEPSEEK_SYSTEM = (
    "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}"
    "{% endif %}"
    "{% set ns = namespace(is_first=false, system_prompt='') %}{%- for message in messages %}"
    "{%- if message['role'] == 'system' %}"
    "{% set ns.system_prompt = message['content'] %}{%- endif %}{%- endfor %}{{bos_token}}"
    "{{ns.system_prompt}}"
)
DEEPSEEK_V3 = (
    DEEPSEEK_SYSTEM
    + "{%- for message in messages %}{%- if message['role'] == 'user' %}"
      "{{'<｜User｜>' + message['content']}}{%- endif %}"
    "{%- if message['role'] == 'assistant' and message['content'] is not none %}"
    "{{'<｜Assistant｜>' + message['content'] + '<｜end▁of▁sentence｜>'}}{%- endif %}{%- endfor -%}"
    "{% if add_generation_prompt %}{{'<｜Assistant｜>'}}{% endif %}"
)
DEEPSEEK_R1 = (
    DEEPSEEK_SYSTEM
    + "{%- for message in messages %}{%- if message['role'] == 'user' %}"
      "{{'<｜User｜>' + message['content']}}{%- endif %}"
    "{%- if message['role'] == 'assistant' %}{% set content = message['content'] %}"
    "{% if '</think>' in content %}"
    "{% set content = content.split('</think>')[-1] %}{% endif %}{{'<｜Assistant｜>' + content + "
    "'<｜end▁of▁sentence｜>'}}"
    "{%- endif %}{%- endfor -%}{% if add_generation_prompt %}{{'<｜Assistant｜><think>\\n'}}"
    "{% endif %}"
)
DEEPSEEK_V31 = (
    "{% if not thinking is defined %}{% set thinking = false %}{% endif %}"
    + DEEPSEEK_SYSTEM
    + "{%- for message in messages %}{%- if message['role'] == 'user' %}"
      "{{'<｜User｜>' + message['content']}}{%- endif %}"
    "{%- if message['role'] == 'assistant' %}{{'<｜Assistant｜></think>'}}"
    "{%- set content = message['content'] -%}"
    "{%- if '</think>' in content %}{%- set content = content.split('</think>', 1)[1] -%}"
    "{%- endif %}"
    "{{content + '<｜end▁of▁sentence｜>'}}{%- endif %}{%- endfor -%}"
    "{%- if add_generation_prompt %}{{'<｜Assistant｜>'}}{%- if not thinking %}{{'</think>'}}"
    "{%- else %}{{'<think>'}}{%- endif %}{% endif %}"
)
GPT_OSS = """{{- "<|start|>system<|message|>" }}
{{- "You are ChatGPT, a large language model trained by OpenAI.\\n" }}
{{- "Knowledge cutoff: 2024-06\\n" }}
{{- "Current date: " + strftime_now("%Y-%m-%d") + "\\n\\n" }}
{%- if reasoning_effort is not defined %}{%- set reasoning_effort = "medium" %}{%- endif %}
{{- "Reasoning: " + reasoning_effort + "\\n\\n" }}
{{- "# Valid channels: analysis, commentary, final. Channel must be included for every message." }}
{{- "<|end|>" }}
{%- if messages[0].role == "developer" or messages[0].role == "system" %}
    {%- set developer_message = messages[0].content %}{%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set developer_message = "" %}{%- set loop_messages = messages %}
{%- endif %}
{%- if developer_message %}
    {{- "<|start|>developer<|message|>" }}
    {{- "# Instructions\\n\\n" }}
    {{- developer_message }}
    {{- "\\n\\n" }}
    {{- "<|end|>" }}
{%- endif %}
{%- for message in loop_messages -%}
    {%- if message.role == 'assistant' -%}
        {{- "<|start|>assistant<|channel|>final<|message|>" + message.content + "<|end|>" }}
    {%- elif message.role == 'user' -%}
        {{- "<|start|>user<|message|>" + message.content + "<|end|>" }}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
<|start|>assistant
{%- endif -%}"""
GRANITE = """{%- for message in messages %}
    {%- if message['role'] == 'system' %}
    {{- '<|start_of_role|>system<|end_of_role|>' + message['content'] + '<|end_of_text|>\\n' }}
    {%- elif message['role'] == 'user' %}
    {{- '<|start_of_role|>user<|end_of_role|>' + message['content'] + '<|end_of_text|>\\n' }}
    {%- elif message['role'] == 'assistant' %}
    {{- '<|start_of_role|>assistant<|end_of_role|>' + message['content'] + '<|end_of_text|>\\n' }}
    {%- endif %}
    {%- if loop.last and add_generation_prompt %}
    {{- '<|start_of_role|>assistant<|end_of_role|>' }}
    {%- endif %}
{%- endfor %}"""
GRANITE_31 = """{%- if messages[0]['role'] == 'system' %}\
{%- set system_message = messages[0]['content'] %}{%- set loop_messages = messages[1:] %}
{%- else %}{%- set system_message = "Knowledge Cutoff Date: April 2024.\nToday's Date: " + \
strftime_now('%B %d, %Y') + ".\nYou are Granite, developed by IBM." %}
{%- set system_message = system_message + " You are a helpful AI assistant." %}\
{%- set loop_messages = messages %}{%- endif %}
{{- '<|start_of_role|>system<|end_of_role|>' + system_message + '<|end_of_text|>\n' }}
{%- for message in loop_messages %}
    {{- '<|start_of_role|>' + message['role'] + '<|end_of_role|>' + message['content'] + \
'<|end_of_text|>\n' }}
    {%- if loop.last and add_generation_prompt %}{{- '<|start_of_role|>assistant<|end_of_role|>' }}\
{%- endif %}
{%- endfor %}"""
GLM47 = """[gMASK]<sop>
{%- for m in messages %}
{%- if m.role == 'user' -%}<|user|>{{ m.content }}
{%- elif m.role == 'assistant' -%}
<|assistant|>
{%- set content = m.content %}
{%- if '</think>' in content %}{%- set content = content.split('</think>')[-1].lstrip('\\n') %}\
{%- endif %}
{{- '</think>' }}
{%- if content.strip() -%}
{{ content.strip() }}
{%- endif -%}
{%- elif m.role == 'system' -%}
<|system|>{{ m.content }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    <|assistant|>{{- '</think>' if (enable_thinking is defined and not enable_thinking) else \
'<think>' -}}
{%- endif -%}"""
GLM45 = """[gMASK]<sop>
{%- for m in messages %}
{%- if m.role == 'user' -%}<|user|>
{{ m.content }}
{%- elif m.role == 'assistant' -%}
<|assistant|>
{%- set reasoning_content = '' %}
{%- set content = m.content %}
{%- if '</think>' in content %}{%- set content = content.split('</think>')[-1].lstrip('\\n') %}\
{%- endif %}
{%- if reasoning_content -%}
{{ '\\n<think>' + reasoning_content.strip() +  '</think>'}}
{%- else -%}
{{ '\\n<think></think>' }}
{%- endif -%}
{%- if content.strip() -%}
{{ '\\n' + content.strip() }}
{%- endif -%}
{%- elif m.role == 'system' -%}
<|system|>
{{ m.content }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    <|assistant|>{{- '\\n<think></think>' if (enable_thinking is defined and not enable_thinking) \
else '' -}}
{%- endif -%}"""
GLM4 = (
    "[gMASK]<sop>{% for item in messages %}{% if item['role'] == 'user' %}<|user|>\n"
    "{{ item['content'] }}{% elif item['role'] == 'system' %}"
    "<|system|>\n{{ item['content'] }}{% elif item['role'] == 'assistant' %}<|assistant|>\n"
    "{{ item['content'] }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
LLAMA3 = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}"
    "{% set content = '<|start_header_id|>' + message['role'] + "
    "'<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
    "{% set content = bos_token + content %}"
    "{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
LLAMA31 = """{{- bos_token }}
{%- if not date_string is defined %}
    {%- set date_string = "26 Jul 2024" %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{{- "Cutting Knowledge Date: December 2023\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | \
trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}"""
TULU = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}"
    "{{ '<|system|>\n' + message['content'] + '\n' }}"
    "{% elif message['role'] == 'user' %}{{ '<|user|>\n' + message['content'] + '\n' }}"
    "{% elif message['role'] == 'assistant' %}"
    "{% if not loop.last %}{{ '<|assistant|>\n'  + message['content'] + eos_token + '\n' }}"
    "{% else %}"
    "{{ '<|assistant|>\n'  + message['content'] + eos_token }}{% endif %}{% endif %}"
    "{% if loop.last and add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}{% endfor %}"
)

# name here, template, its control tokens, which of them end a text, whether it takes a system
# message
CHATML_TOKENS = ["<|im_start|>", "<|im_end|>"]
THINK = ["<think>", "</think>"]
DEEPSEEK_TOKENS = [
    "<｜User｜>",
    "<｜Assistant｜>",
    "<｜end▁of▁sentence｜>",
    "<｜begin▁of▁sentence｜>",
]
MODELS = {
    "Qwen1.5-MoE": (QWEN2.replace("assistant.<", "assistant<"), CHATML_TOKENS, True),
    "Qwen2-57B-A14B": (QWEN2, CHATML_TOKENS, True),
    "Qwen2.5": (QWEN25, CHATML_TOKENS, True),
    "Qwen3-30B-A3B": (QWEN3, CHATML_TOKENS + THINK, True),
    "Qwen3-30B-A3B-Thinking-2507": (QWEN3_THINKING, CHATML_TOKENS + THINK, True),
    "Qwen3-Coder-30B-A3B": (QWEN3_CODER, CHATML_TOKENS, True),
    "ChatML": (CHATML, CHATML_TOKENS, True),
    "ChatML after a beginning": ("{{ bos_token }}" + CHATML, CHATML_TOKENS, True),
    "Mixtral-8x7B, 2023": (MIXTRAL, [], False),
    "Mixtral-8x7B": (MIXTRAL_2, [], True),
    "Mixtral-8x22B": (MISTRAL_V3, ["[INST]", "[/INST]", "[AVAILABLE_TOOLS]"], True),
    "DeepSeek-V2": (DEEPSEEK_V2, [], True),
    "DeepSeek-V3": (DEEPSEEK_V3, DEEPSEEK_TOKENS, True),
    "DeepSeek-R1": (DEEPSEEK_R1, DEEPSEEK_TOKENS + THINK, True),
    "DeepSeek-V3.1": (DEEPSEEK_V31, DEEPSEEK_TOKENS + THINK, True),
    "gpt-oss": (
        GPT_OSS,
        ["<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|return|>"],
        True,
    ),
    "Granite 3 MoE": (GRANITE, ["<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>"], True),
    "Granite 3.1 MoE": (
        GRANITE_31,
        ["<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>"],
        True,
    ),
    "GLM-4.7": (
        GLM47,
        ["[gMASK]", "<sop>", "<|user|>", "<|assistant|>", "<|system|>"] + THINK,
        True,
    ),
    "GLM-4.5": (
        GLM45,
        ["[gMASK]", "<sop>", "<|user|>", "<|assistant|>", "<|system|>"] + THINK,
        True,
    ),
    "GLM-4": (GLM4, ["[gMASK]", "<sop>", "<|user|>", "<|assistant|>", "<|system|>"], True),
    "Llama 3": (LLAMA3, ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"], True),
    "Llama 3.1": (LLAMA31, ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"], True),
    "OLMoE-Instruct": (TULU, [], True),
}
USER, ASSISTANT, SYSTEM = "user", "assistant", "system"
TALKS = [
    [(USER, "Hello")],
    [(USER, "What is  a mixture\nof experts?")],
    [(USER, "Grüße, 混合"), (ASSISTANT, "Yes."), (USER, "1 + 1 = ?")],
    [
        (SYSTEM, "Be brief."),
        (USER, "Hello"),
        (ASSISTANT, "Hi!\n\nThere"),
        (USER, "Who?"),
        (ASSISTANT, "I."),
        (USER, "x"),
    ],
    [(SYSTEM, "Be brief."), (USER, "Hello")],
    [(SYSTEM, " Spaced "), (USER, "\nlines\n "), (ASSISTANT, " \n answer \n"), (USER, " ")],
]


def check(name, template, tokens, system, tokenizer_json):
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=tokenizer_json,
        bos_token="<|startoftext|>",
        eos_token="<|endoftext|>",
        chat_template=template,
    )
    if "｜" in template:
        tokenizer.add_special_tokens(
            {"eos_token": "<｜end▁of▁sentence｜>", "bos_token": "<｜begin▁of▁sentence｜>"}
        )
    tokenizer.add_tokens(tokens, special_tokens=True)
    talks = [
        [{"role": r, "content": c} for r, c in talk]
        for talk in TALKS
        if system or talk[0][0] != SYSTEM
    ]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        answer = subprocess.run(
            [PROGRAM, "tokenize", folder, "--chat", "own", "--lines"],
            input="".join(json.dumps(t) + "\n" for t in talks),
            capture_output=True,
            text=True,
        )
        if answer.returncode:
            print(f"{name}: {answer.stderr.strip()}")
            return 1
        for talk, line in zip(talks, answer.stdout.splitlines()):
            text = tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
            text = re.sub(r"Current date: [0-9-]+\n|Today's Date: \w+ \d+, \d+\.\n", "", text)
            theirs, ours = tokenizer.encode(text, add_special_tokens=False), json.loads(line)
            if theirs != ours:
                wrong += 1
                print(
                    f"{name}: transformers {text!r}\n"
                    f"{' ' * len(name)}  cadre        {tokenizer.decode(ours)!r}"
                )
    print(f"{name}: {len(talks) - wrong} of {len(talks)} conversations the same")
    return wrong


if __name__ == "__main__":
    logging.set_verbosity_error()
    sys.exit(sum(check(name, *model, sys.argv[1]) for name, model in MODELS.items()) > 0)
