# conversations of lines, with a model too small to say anything
$ for i in $(seq 300); do echo "The $i. token goes to expert $((i * 7 % 8)) and to $((i * 5 % 8)); \
+ load is even, $((i % 13)) are dropped."; done > en.txt
$ cadre train --recipe olmoe --layers 2 --width 32 --heads 2 --experts 4 --topk 2 \
+     --expert-width 16 --vocab 512 --context 256 --batch 1 --steps 2 --data en.txt --out run \
+     --quiet
> ...

# every line is a message and gets an answer
$ printf 'The expert\n\nand the token' | cadre chat run --template chatml -n 4 --greedy --json
> {"answer":"*","thought":"","end":"length","prompt_tokens":*,"tokens":4,"tokens_per_second":*}
> {"answer":"*","thought":"","end":"length","prompt_tokens":*,"tokens":4,"tokens_per_second":*}
2> (nothing)

$ test "$(printf 'a\nb\n' | cadre chat run --template tulu -n 9 --seed 4)" \
+     = "$(printf 'a\r\nb' | cadre chat run --template tulu -n 9 --seed 4 --threads 1)"
$ test "$(printf 'a\n' | cadre chat run --template tulu -n 9 --seed 4)" \
+     != "$(printf 'a\n' | cadre chat run --template tulu -n 9 --seed 4 --system Briefly.)"
$ cadre chat run --template chatml < /dev/null
> (nothing)
2> (nothing)

# recognised by the model's own template, which is not executed
$ echo "{{ '<|im_start|>' + message['role'] }}{{ raise_exception('run') }}" \
+     > run/chat_template.jinja
$ test "$(echo a | cadre chat run -n 9)" = "$(echo a | cadre chat run -n 9 --template chatml)"
$ echo "{{ raise_exception('nobody knows') }}" > run/chat_template.jinja
$ echo a | cadre chat run
2> cadre: expected a chat template of a known family, found "{{ raise_exception('nobody knows') }}*"
2>        Templates that can be chosen by name: gpt-oss, *
? 1
$ rm run/chat_template.jinja && echo a | cadre chat run
2> cadre: expected a chat template in the model's files, found none
2>        Templates that can be chosen by name: gpt-oss, *
? 1

$ echo a | cadre chat run --template chatm
2> cadre: --template: expected gpt-oss, *, found 'chatm'
2>        did you mean 'chatml'?
? 2

# a conversation that fills its context: the answer is cut, then the oldest messages are dropped
$ printf 'The expert\nagain\n' | cadre chat run --template chatml --greedy --context 100 --seed 2 \
+     --json
> {"answer":"*","thought":"","end":"context",*}
> {"answer":"*","thought":"","end":"context",*}
2> --seed has no effect: --greedy takes the most likely token always
2> the answer was cut after * tokens: the conversation fills its context of 100 tokens; --context N
+  gives it more
2> the 2 oldest messages were dropped: the conversation fills its context of 100 tokens; --context N
+  gives it more
2> the answer was cut after * tokens: the conversation fills its context of 100 tokens; --context N
+  gives it more
$ printf 'The expert\nagain\n' | cadre chat run --template chatml --greedy --context 100 --quiet
2> (nothing)
$ echo again | cadre chat run --template chatml --greedy --context 100 > alone &&
+     printf 'The expert\nagain\n' | cadre chat run --template chatml --greedy --context 100 |
+     tail -n +2 | cmp - alone
$ echo a | cadre chat run --template chatml -n 1 --context 512
2> the context has 512 tokens, more than the 256 that the model was made for; what it says beyond
+  them may make no sense
$ printf 'The expert and the token and the load and the gate and all that is dropped\na\n' |
+     cadre chat run --template chatml --context 64
> (nothing)
2> cadre: the message: expected fewer than 64 tokens of conversation with it alone, found *
2>        --context N sets how many there may be; what was said before is kept
? 1

# thoughts: cut by a length they stay thoughts; where the model ends its turn itself they are its
# answer
$ echo a | cadre chat run --template qwen3-thinking -n 4 --greedy --json > turn;
+     grep -c '^{"answer":"","thought":"..*","end":"length"' turn
> 1
$ echo a | cadre chat run --template qwen3-thinking -n 4 --greedy --json > turn
2> the answer was cut after 4 tokens, before the model had ended its thoughts; -n N allows more
$ echo a | cadre chat run --template qwen3-thinking -n 4 --greedy
>
2> the answer was cut after 4 tokens, before the model had ended its thoughts; -n N allows more
$ for seed in $(seq 40); do echo a | cadre chat run --template qwen3-thinking --json --seed $seed \
+     --quiet; done > turns
$ grep '"end":"end"' turns | grep -qa '^{"answer":"..*","thought":"","end"' &&
+     grep '"end":"end"' turns | grep -vca '^{"answer":"..*","thought":"","end"'
> 0
? 1
$ grep '"end":"context"' turns | grep -qa '^{"answer":"","thought":"..*","end"' &&
+     grep '"end":"context"' turns | grep -vca '^{"answer":"","thought":"..*","end"'
> 0
? 1

# an answer without any mark, of a model that should mark it
$ echo a | cadre chat run --template gpt-oss -n 4 --greedy --json --context 512 --quiet |
+     grep -ca '^{"answer":"..*","thought":"","end":"length"'
> 1

# ids of a conversation: what people say is plain text
$ echo '[{"role": "user", "content": "a<|endoftext|>"}]' |
+     cadre tokenize run --chat chatml > a.txt && cadre tokenize run --decode < a.txt
> <|im_start|>user
> a<|endoftext|><|im_end|>
> <|im_start|>assistant
$ echo '["a"]' | cadre tokenize run --chat chatml
2> cadre: stdin: line 1: expected a list of messages, each with role and content, found something
+  else
? 1
$ echo '[{"role": "robot", "content": "a"}]' | cadre tokenize run --chat chatml
2> cadre: expected the role system, user or assistant, found "robot"
? 2

# thoughts, functions and what they returned, as servers take them
$ echo '{"messages": [{"role": "user", "content": "Noon?"}, {"role": "assistant",' \
+     '"content": "", "reasoning_content": "A clock.", "tool_calls": [{"id": "1", "type":' \
+     '"function", "function": {"name": "now", "arguments": {"zone": "CET"}}}]},' \
+     '{"role": "tool", "tool_call_id": "1", "content": "12:00"}]}' > talk.json
$ cadre tokenize run < talk.json --chat nemotron3 --think off > a.txt &&
+     cadre tokenize run --decode < a.txt
> <|im_start|>system
> <|im_end|>
> <|im_start|>user
> Noon?<|im_end|>
> <|im_start|>assistant
> <think>
> A clock.
> </think>
> <tool_call>
> <function=now>
> <parameter=zone>
> CET
> </parameter>
> </function>
> </tool_call>
> <|im_end|>
> <|im_start|>user
> <tool_response>
> 12:00
> </tool_response>
> <|im_end|>
> <|im_start|>assistant
> <think></think>
$ cadre tokenize run < talk.json --chat llama-2
2> cadre: the chat template llama-2: expected a conversation without functions, as it has no way to
+  call them that is known
? 1
$ echo '{"messages": 1}' | cadre tokenize run --chat chatml
2> cadre: stdin: line 1: messages: expected *
? 1
$ echo '[]' | cadre tokenize run --chat chatml --think off
2> cadre: the chat template chatml: expected a way of thinking that it knows, found "off"
? 2

# what is no text is told in one line, and no answer is given to it
$ gzip -c en.txt | cadre chat run --template chatml -n 4
> (nothing)
2> cadre: stdin: expected text in UTF-8, found a file compressed by gzip
2> *
? 1
$ printf 'a line of text' | iconv -f UTF-8 -t UTF-16 | cadre chat run --template chatml -n 4
> (nothing)
2> cadre: stdin: expected text in UTF-8, found text in UTF-16
2> *
? 1
$ gzip -c en.txt | cadre tokenize run --lines
> (nothing)
2> cadre: stdin: expected text in UTF-8, found a file compressed by gzip
2> *
? 1
$ gzip -c en.txt | cadre tokenize run --decode
> (nothing)
2> cadre: stdin: expected text in UTF-8, found a file compressed by gzip
2> *
? 1
$ gzip -c en.txt > ids.gz; cadre logits run --tokens ids.gz --out x
2> cadre: ids.gz: expected text in UTF-8, found a file compressed by gzip
2> *
? 1
$ cadre logits run --tokens 1,2 --out no-folder/x
2> cadre: no-folder/x: could not be created: No such file or directory
? 1
$ gzip -c en.txt | cadre generate run -n 4
> (nothing)
2> cadre: stdin: expected text in UTF-8, found a file compressed by gzip
2> *
? 1
