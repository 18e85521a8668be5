# where a prompt comes from, and what ends a text
$ for i in $(seq 300); do echo "The $i. token goes to expert $((i * 7 % 8)) and to $((i * 5 % 8)); \
+ load is even, $((i % 13)) are dropped."; done > en.txt
$ cadre train --recipe olmoe --layers 2 --width 32 --heads 2 --experts 4 --topk 2 \
+     --expert-width 16 --vocab 512 --context 64 --batch 4 --steps 30 --data en.txt --out run \
+     --quiet
> ...

# of the command line, of stdin and of a file: one line feed at the end is left out
$ cadre generate run -p 'The expert' -n 20 --greedy > wanted && test -s wanted
$ echo 'The expert' | cadre generate run -n 20 --greedy | cmp - wanted
$ printf 'The expert' | cadre generate run -p - -n 20 --greedy | cmp - wanted
$ printf 'The expert\r\n' > prompt.txt && cadre generate run --prompt-file prompt.txt -n 20 \
+     --greedy | cmp - wanted
$ echo 'The expert' | cadre generate run --prompt-file - -n 20 --greedy | cmp - wanted
$ echo nobody reads this | cadre generate run -p 'The expert' -n 20 --greedy | cmp - wanted
$ test "$(printf 'The expert\n\n' | cadre generate run -n 20 --seed 3)" \
+     = "$(cadre generate run -p $'The expert\n' -n 20 --seed 3)"

# none, or several
$ cadre generate run
2> cadre: generate: -p, --prompt-file or --tokens: expected one of them, found none
2>        or a text on stdin
? 2
$ : > empty && cadre generate run --prompt-file empty
2> cadre: generate: --prompt-file: expected at least one token to begin with, found none
? 2
$ cadre generate run -p a --prompt-file prompt.txt
2> cadre: generate: -p, --prompt-file or --tokens: expected one of them, found two
? 2
$ gzip -c prompt.txt > prompt.gz && cadre generate run --prompt-file prompt.gz
2> cadre: prompt.gz: expected text in UTF-8, found a file compressed by gzip
2> ...
? 1
$ cadre generate run --prompt-file nowhere.txt
2> cadre: nowhere.txt: expected a readable file: No such file or directory
? 1

# a text that stops: for every part of what would come, all that is before it, wherever tokens end
$ text=$(cat wanted); for i in $(seq 0 3 $((${#text} - 1))); do for n in 1 2 5; do part=${text:i:n};
+     test "$(cadre generate run -p 'The expert' -n 20 --greedy --stop "$part"; echo .)" = \
+     "${text%%"$part"*}." || echo "$i $n"; done; done
> (nothing)
$ cadre generate run -p 'The expert' -n 20 --greedy --stop "$(tail -c 3 wanted)never" | cmp - wanted
$ text=$(cat wanted) early="${text:2:3}" late="${text:9:3}";
+     test "$(cadre generate run -p 'The expert' -n 20 --greedy --stop "$late" --stop "$early")" = \
+     "$(cadre generate run -p 'The expert' -n 20 --greedy --stop "$early")"
$ text=$(cat wanted);
+     cadre generate run -p 'The expert' -n 20 --greedy --ids --stop "${text:4:4}" > ids;
+     test "$(wc -w < ids)" -lt 20

# several texts in a file of options; those of the command line replace them
$ echo '{"stop": ["e", "t"], "length": 20, "greedy": true}' > options.json
$ test "$(cadre generate run -p 'The expert' --options options.json)" \
+     = "$(cadre generate run -p 'The expert' -n 20 --greedy --stop t --stop e)"
$ test "$(cadre generate run -p 'The expert' --options options.json --stop d --stop =never)" \
+     = "$(cadre generate run -p 'The expert' -n 20 --greedy --stop=d)"
$ cadre generate run -p 'The expert' --stop ''
2> cadre: a text to stop at: expected at least one byte, found none
? 2

# beyond what the model was made for
$ cadre generate run -p 'The expert' -n 70 --greedy > /dev/null
2> the text has * tokens, more than the 64 that the model was made for; what it says beyond them may
+  make no sense
$ head -c 400 en.txt | cadre generate run -n 1 --greedy > /dev/null
2> the prompt has * tokens, more than the 64 that the model was made for; what it says beyond them
+  may make no sense
$ cadre generate run -p 'The expert' -n 20 --greedy > /dev/null
2> (nothing)

# an option that has no effect is named; two that contradict each other are refused
$ cadre generate run -p 'The expert' -n 2 --greedy --temperature 0.7 --top-k 5 --top-p 1 > /dev/null
2> --temperature has no effect: --greedy takes the most likely token always
2> --top-k has no effect: --greedy takes the most likely token always
$ cadre generate run -p 'The expert' -n 2 --temperature 0 --min-p 0.1 > /dev/null
2> --min-p has no effect: a temperature of 0 takes the most likely token always
$ cadre generate run -p 'The expert' -n 2 --top-p 0 --top-k 3 > /dev/null
2> --top-k has no effect: --top-p 0 takes the most likely token always
$ cadre generate run -p 'The expert' -n 2 --top-p 0 --repetition-penalty 1.1 > /dev/null
2> (nothing)
$ cadre generate run -p 'The expert' -n 2 --greedy --seed 3 > /dev/null
2> --seed has no effect: --greedy takes the most likely token always
$ cadre generate run -p 'The expert' -n 2 --placement even --placement-from nowhere --replicas 3 \
+     --warm nowhere > /dev/null
2> --placement has no effect: one process holds all experts
2> --replicas has no effect: one process holds all experts
2> --placement-from has no effect: one process holds all experts
2> --warm has no effect: all weights are in memory (--memory limits them)
$ cadre generate run -p 'The expert' -n 2 --replicas 0 --warm none > /dev/null
2> (nothing)
$ for c in "eval run --text en.txt" "logits run --tokens 1,2 --out l.st" "inspect run" \
+     "tokenize run"; do cadre $c --seed 3 2>&1 > /dev/null; done
> --seed has no effect: the results of this command depend on no seed
> --seed has no effect: the results of this command depend on no seed
> --seed has no effect: the results of this command depend on no seed
> --seed has no effect: the results of this command depend on no seed
$ cadre logits run --tokens 1,2 --out l.st --placement-from nowhere
2> --placement-from has no effect: one process holds all experts
$ cadre generate run -p 'The expert' -n 2 --repack --rank-timeout 5 > /dev/null
2> --rank-timeout has no effect: one process waits for no other
2> --repack has no effect: no weights here have another layout
$ cadre generate run -p 'The expert' --json-object --json-schema schema.json
2> cadre: generate: --json-schema or --json-object: expected one of them, found two
? 2

# JSON, valid for a schema or any object; what is not done is refused by name
$ echo '{"type":"object","properties":{"token":{"type":"string","maxLength":8},
+ "expert":{"type":"integer","minimum":0,"maximum":7}},"required":["token","expert"],
+ "additionalProperties":false}' > schema.json
$ for seed in 1 2 3 4 5; do cadre generate run -p 'The expert' -n 200 --seed $seed \
+     --temperature 2 --json-schema schema.json | tr -d ' \n\t' \
+     | grep -Exq '\{"token":".*","expert":[0-7]\}' || echo "seed $seed"; done
> (nothing)
$ cadre generate run -p 'The expert' -n 200 --greedy --json-schema schema.json > once
$ cadre generate run -p 'The expert' -n 200 --greedy --json-schema schema.json --threads 2 \
+     | cmp - once
$ cadre generate run -p 'The expert' -n 60 --greedy --json-object | tr -d ' \n' | head -c 1
> {
$ echo '{"properties":{"a":{"not":{"type":"string"}}}}' > not.json
$ cadre generate run -p a --json-schema not.json
2> cadre: not.json: properties.a.not: expected a schema without this word, which is not
+  supported, found an object
? 1
$ echo false > never.json && cadre generate run -p a --json-schema never.json
2> cadre: never.json: expected a schema for which something is valid, found one for which
+  nothing is, or nothing of at most 96 levels
? 2
