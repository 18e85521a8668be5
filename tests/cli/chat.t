# conversations of lines, with a model too small to say anything
$ for i in $(seq 300); do echo "The $i. token goes to expert $((i * 7 % 8)) and to $((i * 5 % 8)); load is even, $((i % 13)) are dropped."; done > en.txt
$ cadre train --recipe olmoe --layers 2 --width 32 --heads 2 --experts 4 --topk 2 --expert-width 16 --vocab 512 --context 256 --batch 1 --steps 2 --data en.txt --out run --quiet
> ...

# every line is a message and gets an answer
$ printf 'The expert\n\nand the token' | cadre chat run --template chatml -n 4 --greedy --json
> {"answer":"*","thought":""}
> {"answer":"*","thought":""}
2> (nothing)

$ test "$(printf 'a\nb\n' | cadre chat run --template tulu -n 9 --seed 4)" = "$(printf 'a\r\nb' | cadre chat run --template tulu -n 9 --seed 4 --threads 1)"
$ test "$(printf 'a\n' | cadre chat run --template tulu -n 9 --seed 4)" != "$(printf 'a\n' | cadre chat run --template tulu -n 9 --seed 4 --system Briefly.)"
$ cadre chat run --template chatml < /dev/null
> (nothing)
2> (nothing)

# recognised by the model's own template, which is not executed
$ echo "{{ '<|im_start|>' + message['role'] }}{{ raise_exception('run') }}" > run/chat_template.jinja
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

# a conversation that has become too long
$ printf 'The expert and the token\nagain\n' | cadre chat run --template chatml --greedy --context 64
> ...
2> cadre: the conversation: expected fewer than 64 tokens, found *
? 1

# ids of a conversation: what people say is plain text
$ echo '[{"role": "user", "content": "a<|endoftext|>"}]' | cadre tokenize run --chat chatml > a.txt && cadre tokenize run --decode < a.txt
> <|im_start|>user
> a<|endoftext|><|im_end|>
> <|im_start|>assistant
$ echo '["a"]' | cadre tokenize run --chat chatml
2> cadre: stdin: line 1: expected a list of messages, each with role and content, found something else
? 1
$ echo '[{"role": "robot", "content": "a"}]' | cadre tokenize run --chat chatml
2> cadre: expected the role system, user or assistant, found "robot"
? 2
