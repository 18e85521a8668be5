# conversations on a terminal: script(1) gives one, where there are pseudo-terminals
! no pseudo-terminal here: script -qec true /dev/null
$ for i in $(seq 300); do echo "The $i. token goes to expert $((i * 7 % 8)) and to $((i * 5 % 8)); \
+ load is even, $((i % 13)) are dropped."; done > en.txt
$ cadre train --recipe olmoe --layers 2 --width 32 --heads 2 --experts 4 --topk 2 \
+     --expert-width 16 --vocab 512 --context 256 --batch 1 --steps 2 --data en.txt --out run \
+     --quiet
> ...
$ printf '%s\n' 'command="cadre chat run --template ${1:-chatml} --json -n 1 $2"' \
+     'TERM=xterm script -qec "$command" /dev/null | tr -d "\\r"' > terminal
$ printf '%s\n' 'sed -n "s/.*\"prompt_tokens\":\([0-9]*\).*/\1/p"' > prompts
$ printf '%s\n' 'cadre tokenize run --chat ${1:-chatml} --lines |' \
+     'while IFS= read -r ids; do echo $ids | tr , "\\n" | wc -l; done' > count

# lines are messages, and /commands are not
$ printf '/help\na\n/clera\n /clear\n/quit\nunread\n' | bash terminal > out; grep -c '"answer"' out
> 2
$ grep -c '/\(clear  forget\|think  WORD\|quit   end\|help   print\)' out
> 4
$ grep -o 'no command is called.*' out
> no command is called /clera; did you mean /clear; /help lists them, and a blank before it makes it
+  a message
$ printf 'The expert\n/clear\nThe expert\n' | bash terminal | bash prompts | uniq -c | wc -l
> 1

# a message of several lines: continued, between fences, pasted
$ echo '[{"role": "user", "content": "the gate\n\nand load"}]' | bash count > wanted && cat wanted
> *
$ printf 'the gate\\\n\\\nand load\n' | bash terminal | bash prompts | cmp - wanted
$ printf '"""the gate\n\nand load"""\n' | bash terminal | bash prompts | cmp - wanted
$ printf '"""\nthe gate\n\nand load\n"""\n' | bash terminal | bash prompts | cmp - wanted
$ printf '\033[200~the gate\n\nand load\033[201~\n' | bash terminal | bash prompts | cmp - wanted

# no line of a file is a command or goes on
$ printf '/clear\\\n"""\n' | cadre chat run --template chatml --json -n 1 | grep -c '"answer"'
> 2

# thinking, where the template leaves a choice
$ cadre chat run --template chatml --think off < /dev/null
2> cadre: the chat template chatml leaves no choice of thinking, found "off"
? 2
$ cadre chat run --template deepseek-r1 --think off < /dev/null
2> cadre: the chat template deepseek-r1: expected a way of thinking that it knows, found "off"
2>        It knows: on
? 2
$ printf '/think\n/think off\n/think\n/think low\n' | bash terminal qwen3 |
+     grep -o 'thinking: .*\|It knows.*'
> thinking: on
> thinking: off
> It knows: on, off
$ test $(echo a | cadre chat run --template qwen3 --think off --json -n 1 |
+     bash prompts) -gt $(echo a | cadre chat run --template qwen3 --json -n 1 | bash prompts)

# sampling as the model's files say, where no option does
$ echo '{"temperature": 0.5, "top_k": 7, "repetition_penalty": 1.5}' > run/generation_config.json
$ echo a | cadre chat run --template chatml --top-k 9 -n 12 --seed 5 > suggested
2> sampling as the model's files and the options say: temperature 0.5, top-k 9, repetition-penalty
+  1.5
$ echo a | cadre chat run --template chatml --top-k 9 -n 12 --seed 5 --quiet | cmp - suggested
2> (nothing)
$ cadre generate run -p a --top-k 9 -n 12 --seed 5 > suggested.text
2> sampling as the model's files and the options say: temperature 0.5, top-k 9, repetition-penalty
+  1.5
$ cadre generate run -p a --greedy -n 12 > greedy.text
2> (nothing)
$ cadre convert run said.gguf --quiet && cadre generate said.gguf -p a --top-k 9 -n 12 --seed 5 |
+     cmp - suggested.text
2> sampling as the model's files *
$ rm run/generation_config.json && cadre generate run -p a --temperature 0.5 \
+     --repetition-penalty 1.5 --top-k 9 -n 12 --seed 5 | cmp - suggested.text &&
+     cadre generate run -p a -n 12 --temperature 0 | cmp - greedy.text &&
+     echo a | cadre chat run --template chatml --temperature 0.5 \
+     --repetition-penalty 1.5 --top-k 9 -n 12 --seed 5 | cmp - suggested
2> (nothing)
