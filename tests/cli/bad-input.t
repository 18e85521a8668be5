# what the world or a user can get wrong: one line that names it, exit code 1 or 2
$ for i in $(seq 900); do echo "The $i. token goes to expert $((i * 7 % 8)) and to $((i * 5 % 8)); \
+ load is even, $((i % 13)) are dropped."; done > en.txt
$ echo '{"recipe": "olmoe", "layers": 2, "width": 32, "heads": 2, "experts": 4, "topk": 2,
+     "expert_width": 16, "vocab": 512, "context": 32, "batch": 4, "steps": 2}' > tiny.json

$ cadre train --options tiny.json --data nowhere.txt --out o
2> cadre: nowhere.txt: expected a readable file: No such file or directory
? 1
$ mkdir locked && ln -s loop locked/loop && cadre train --options tiny.json --data locked --out o
2> cadre: locked/loop: *
? 1
$ echo short > short.txt && cadre train --options tiny.json --data short.txt --out o
2> ...
2> cadre: short.txt: expected at least 33 tokens to train on *
? 1
$ mkdir domains && : > domains/empty.txt && cp en.txt domains && cadre train --options tiny.json \
+     --data domains --out o
2> cadre: domains/empty.txt: expected text, found none: the domain "empty" is empty
? 1
$ cadre train --options tiny.json --data en.txt en.txt --out o
2> cadre: en.txt: expected domains with different names, found "en" twice*
? 2
$ cadre train --options tiny.json --data en.txt --topk 5 --out o
2> ...
2> cadre: options: topk: expected 1 to the 4 experts of layer 0, found 5
? 2
$ cadre train --options tiny.json --data en.txt --width 33 --out o
2> ...
2> cadre: options: width: expected a multiple of the 2 heads, found 33
? 2
$ cadre train --options tiny.json --data en.txt --kv-heads 3 --out o
2> ...
2> cadre: options: kv-heads: expected *, found 3
? 2
$ cadre train --options tiny.json --batch 1000000 --context 16000000 --dry-run
2> cadre: these sizes need more memory than 64 bits can count
? 2
$ cadre train --options tiny.json --data en.txt --width 65536 --heads 1024 --experts 4096 \
+     --expert-width 1000000 --layers 500 --out o
2> ...
2> cadre: this run needs * GB of memory, the machine has *
2>        *
? 1
$ cadre train --options tiny.json --data en.txt --width 99999999999999999999 --out o
2> cadre: --width: expected an integer from 1 to 65536, found '99999999999999999999'
? 2
$ cadre train --options tiny.json --data en.txt --experts 4,4,4 --out o
2> ...
2> cadre: --experts: expected one number, or one for each of 2 layers, found 3
? 2
$ cadre train --options tiny.json --data en.txt --accumulate 3 --out o
2> ...
2> cadre: --accumulate: expected a divisor of the batch of 4 sequences, found 3
? 2
$ cadre train --options tiny.json --data en.txt --recipe olmo --out o
2> cadre: --recipe: expected shazeer-2017, gshard, switch, *, found 'olmo'
2>        did you mean 'olmoe'?
? 2
$ cadre train --options tiny.json --data en.txt --router sigmoid --out o
2> cadre: --router: expected softmax, *, found 'sigmoid'
2>        did you mean 'sigmoid-bias'?
? 2
$ cadre train --options tiny.json --data en.txt --layrs 3 --out o
2> cadre: train: unknown option '--layrs'
2>        did you mean --layers?
? 2
$ cadre train --options tiny.json --data en.txt
2> cadre: --out: *
? 2
$ cadre train --options tiny.json --out o
2> cadre: --data, --tokens or --preference: expected one of them, found none
? 2
$ cadre train --data en.txt --steps 1 --out o
2> cadre: --recipe or --from: expected one of them, found neither
? 2
$ cadre train --options tiny.json --data en.txt --minutes 1 --out o
2> ...
2> cadre: --steps and --minutes: expected one of them, found both
? 2
$ cadre train --options tiny.json --data en.txt --min-tokens 1000 --out o
2> ...
2> cadre: --min-tokens: expected --minutes, which it prolongs, found none
? 2
$ cadre train --recipe olmoe --data en.txt --minutes 1 --max-minutes 2 --out o
2> ...
2> cadre: --max-minutes: expected --min-tokens, which it limits, found none
? 2
$ cadre train --recipe olmoe --data en.txt --minutes 2 --min-tokens 1000 --max-minutes 1 --out o
2> ...
2> cadre: --max-minutes: expected at least the 2 of --minutes, found 1
? 2
$ cadre train --options tiny.json --data en.txt --out en.txt/o
2> ...
2> cadre: en.txt: *
? 1
$ mkdir parts && cp en.txt parts/one.txt && cp en.txt parts/two.txt && echo '{"messages": [
+     {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}' | tr -d '\n' \
+     > talk.jsonl

# what can be known before texts are read is: no vocabulary is learnt
$ cadre train --options tiny.json --data en.txt --watch /nowhere/x.html --out o
2> cadre: /nowhere/x.html: could not be created: No such file or directory
? 1
$ cadre train --options tiny.json --data en.txt --watch nowhere/o/x.html --out o
2> cadre: nowhere/o/x.html: could not be created: No such file or directory
? 1
$ cadre train --options tiny.json --data en.txt --out /proc/x
2> cadre: /proc/x: *
? 1
$ cadre train --options tiny.json --data en.txt --tensorboard /proc/tb --out o
2> cadre: /proc/tb: *
? 1
$ cadre train --options tiny.json --data en.txt --metrics /proc/x --out o
2> cadre: /proc/x: could not be created: *
? 1
$ cadre train --options tiny.json --data en.txt --tensorboard board/a --watch boards/x.html \
+     --out o
2> cadre: boards/x.html: could not be created: No such file or directory
? 1
$ cadre train --options tiny.json --data parts --weights one=1 --out o --tensorboard board/a
2> cadre: --weights: expected a weight for each domain, found none for "two"
? 2
$ cadre train --options tiny.json --data parts --weights nosuch=2,one=1,two=1 --out o
2> cadre: --weights: expected NAME=X for each domain once, X of 0 to 1e9, found "nosuch=2"
? 2
$ cadre train --options tiny.json --data en.txt talk.jsonl --out o
2> cadre: conversations: expected a model with a chat template of a known family, found none
2>        --template NAME frames them; 'cadre chat --help' lists the names
? 1
$ (echo '{"text": "a"}'; for i in $(seq 99); do cat talk.jsonl; echo; done) > later.jsonl &&
+     cadre train --options tiny.json --data en.txt later.jsonl --out o
2> cadre: conversations: expected a model with a chat template of a known family, found none
2> *
? 1
$ cadre train --options tiny.json --data en.txt talk.jsonl --template nosuch --out o
2> cadre: *nosuch*
2> ...
? 2
$ cadre train --options tiny.json --data en.txt --freeze experts=0-9 --out o
2> cadre: --freeze: experts=0-9: expected numbers from 0 to 3, as the model has them
? 2
$ cadre train --recipe switch-t5 --layers 2 --width 32 --heads 2 --experts 4 --vocab 700 --steps 1 \
+     --context 32 --batch 4 --data en.txt --out o --pack documents
2> cadre: --pack documents: expected a decoder, found a model with an encoder, *
? 1
$ cadre train --recipe switch-t5 --layers 2 --width 32 --heads 2 --experts 4 --vocab 700 --steps 1 \
+     --context 32 --batch 4 --data en.txt --out o --validate-every 1
2> cadre: --validate-every: expected a decoder, found a model with an encoder
? 2
$ ls -d board .cadre
> (nothing)
? 2

$ cadre train --options tiny.json --tokens en.txt --out o
2> cadre: en.txt: expected a safetensors *
? 1
$ cadre train --from nowhere --data en.txt --steps 1 --out o
2> ...
2> cadre: nowhere*
? 1

# none of these has begun a run
$ ls -d o
? 2

# bytes that are no text in any language can be trained on
$ (head -c 4000 /dev/urandom; cat en.txt) > noise && cadre train --options tiny.json --data noise \
+     --out noisy --quiet && cadre report noisy --quiet
> ...

# the other commands
$ cadre eval
2> cadre: eval: expected MODEL, found nothing
2>        usage: cadre eval MODEL [OPTION...]
? 2
$ cadre eval nowhere --text en.txt
2> cadre: nowhere*: *
? 1
$ cadre eval noisy
2> cadre: eval: --text: expected a file, found nothing
? 2
$ cadre eval noisy --text nowhere.txt
2> cadre: nowhere.txt: expected a readable file: No such file or directory
? 1
$ : > nothing.txt && cadre eval noisy --text nothing.txt
2> cadre: nothing.txt: expected text, found none
? 1
$ cadre eval noisy --text .
2> cadre: .: expected a regular file, found a folder
? 1
$ cadre generate noisy
2> cadre: generate: -p, --prompt-file or --tokens: expected one of them, found none
2>        or a text on stdin
? 2
$ cadre generate noisy -p ''
2> cadre: generate: -p: expected at least one token to begin with, found none
? 2
$ cadre generate noisy --tokens 1,x,3
2> cadre: --tokens: expected token ids, "1,2,3", found 'x'
? 2
$ cadre generate noisy --tokens 512
2> cadre: *512*
2> ...
? 2
$ cadre generate noisy -p x --temperature -1
2> cadre: --temperature: expected a number from 0 to 100, found '-1'
? 2
$ cadre generate noisy -p x -n
2> cadre: --length: expected a value after it, found nothing
? 2
$ cadre generate noisy -p x --routes /nowhere/r
2> cadre: /nowhere/r: could not be created: No such file or directory
? 1
$ cadre logits noisy --tokens 1,2
2> cadre: logits: --out: expected a file to write, found nothing
? 2
$ cadre logits noisy --out x
2> cadre: logits: --tokens: expected token ids, found nothing
? 2
$ cadre logits noisy --tokens nowhere --out x
2> cadre: nowhere: expected a readable file: No such file or directory
? 1
$ cadre logits noisy --tokens 1,99999 --out x
2> cadre: *99999*
2> ...
? 2
$ cadre logits noisy --tokens 1,2 --out /nowhere/x
2> cadre: /nowhere/x: *
? 1
$ echo 1 2 70000 | cadre tokenize noisy --decode
2> cadre: *70000*
? 2
$ echo 'x' | cadre tokenize noisy --lines
2> cadre: stdin: line 1: expected JSON, found *
? 1
$ echo '[1, "a"]' | cadre tokenize noisy --lines --decode
2> cadre: stdin: line 1: expected ids in the list, found something else
? 1
$ cadre tokenize en.txt < /dev/null
2> cadre: en.txt: *expected *
? 1
$ cadre inspect en.txt
2> cadre: en.txt*
? 1
$ cadre report nowhere
2> cadre: nowhere: *
? 1
$ cadre bench gem
2> cadre: bench: expected one of *, found 'gem'
2> ...
? 2
$ cadre init noisy --recipe olmoe
2> cadre: noisy: expected an empty or new folder, found a model in it
? 1
$ cadre init new
2> cadre: --recipe or --config: expected one of them, found neither
? 2
$ cadre init new --config en.txt
2> cadre: en.txt: *
? 1

# numbers that are none: an error, never a token, and no file is left
$ cp -r noisy spoilt && dd if=/dev/zero bs=4096 count=7 2> /dev/null | tr '\0' '\377' |
+     dd of=spoilt/model.safetensors bs=1 seek=$(($(stat -c %s noisy/model.safetensors) - 28672)) \
+     conv=notrunc 2> /dev/null
$ cadre generate spoilt -p 'The' -n 4
> (nothing)
2> cadre: spoilt: the model computes no numbers: expected finite ones, found others in the logits of
+  token *
2>        Its tensor * holds NaN: the file was damaged, or made so.
? 1
$ cadre generate spoilt -p 'The' -n 4 --temperature 0.5 --json
> (nothing)
2> cadre: spoilt: the model computes no numbers: *
2> ...
? 1
$ cadre train --from spoilt --data en.txt --context 16 --batch 2 --steps 2 --out from-spoilt --quiet
> (nothing)
2> cadre: spoilt*: model.*: expected numbers, found NaN
2>        the file was damaged, or made so
? 1
$ ls -A from-spoilt
> (nothing)
$ cadre eval spoilt --text en.txt
> (nothing)
2> cadre: spoilt: the model computes no numbers: *
2> ...
? 1
$ cadre eval spoilt --text en.txt --json
> (nothing)
2> ...
? 1
$ cadre logits spoilt --tokens 1,2,3 --out none.safetensors
2> cadre: spoilt: the model computes no numbers: *
2> ...
? 1
$ ls none.safetensors
? 2
$ cadre convert spoilt spoilt.gguf
2> ...
2> cadre: *.weight: expected finite numbers, which f32 can hold, found others
? 1
$ cadre convert spoilt spoilt-folder
2> cadre: *.weight: expected finite numbers, which f32 can hold, found others
? 1
$ ls -d spoilt.gguf spoilt-folder
? 2
$ echo hi | cadre chat spoilt --template chatml --context 128
2> ...
2> cadre: spoilt: the model computes no numbers: *
2> ...
? 1

# ids that a model has no row for, of a list or of another model's tokenizer; and rows that stand
# for nothing
$ cadre init small --recipe olmoe --layers 1 --width 32 --heads 2 --experts 4 --expert-width 16 \
+     --vocab 270 --quiet && cp noisy/tokenizer.json small
$ cadre init large --recipe olmoe --layers 1 --width 32 --heads 2 --experts 4 --expert-width 16 \
+     --vocab 600 --quiet && cp noisy/tokenizer.json large
$ cadre generate small --tokens 7,270 -n 2
2> cadre: small: token 1: expected an id of 0 to 269, found 270
2>        the ids, or the tokenizer that gave them, are another model's
? 2
$ cadre generate small -p "$(head -c 300 en.txt)" -n 2
2> cadre: small: token *: expected an id of 0 to 269, found *
2> ...
? 2
$ cadre logits small --tokens 7,270 --out none.safetensors
2> cadre: small: token 1: expected an id of 0 to 269, found 270
2> ...
? 2
$ cadre eval small --text en.txt
2> cadre: small: token *: expected an id of 0 to 269, found *
2> ...
? 2
$ head -n 3 en.txt | cadre chat small --template chatml
2> cadre: small: token *: expected an id of 0 to 269, found *
2> ...
? 2
$ cadre train --from small --data en.txt --context 16 --batch 2 --steps 2 --out from-small --quiet
2> cadre: small: tokenizer.json: expected at most the model's 270 ids, found *
? 1
$ cadre generate large --tokens 7,599,7 -n 2 --ids
> *
2> token 1: id 599 is none of the vocabulary's, 0 to *: the model has a row for it, which stands for
+  no text
$ cadre logits large --tokens 512 --out rows.safetensors
2> token 0: id 512 is none of the vocabulary's, *
$ cadre generate large --tokens 7,350 -n 2 --ids
> *
$ cadre tokenize large --decode <<< 512
2> cadre: large/tokenizer.json: expected ids in 0..*, found 512
? 2

# what lies in a model's place and is none
$ cp -r noisy pointer &&
+     printf 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4976698672\n' |
+     tee pointer/model.safetensors > pointer.gguf
$ cadre generate pointer -p x
2> cadre: pointer/model.safetensors: expected a safetensors file, found a Git LFS pointer: *
2>        *git lfs pull*
? 1
$ cadre inspect pointer.gguf
2> cadre: pointer.gguf: expected a GGUF file, found a Git LFS pointer: *
2>        *git lfs pull*
? 1
$ cp pointer.gguf pointer/tokenizer.json && echo x | cadre tokenize pointer
2> cadre: pointer/tokenizer.json: expected a tokenizer.json, found a Git LFS pointer: *
2>        *
? 1
$ cp pointer.gguf pointer/config.json && cadre inspect pointer
2> cadre: pointer/config.json: expected a JSON file, found a Git LFS pointer: *
2>        *
? 1
$ mkdir pickled && cp noisy/config.json pickled && echo x > pickled/pytorch_model.bin &&
+     cadre inspect pickled
2> cadre: pickled/model.safetensors: expected a readable file: *
2>        *pickle, pytorch_model.bin*safetensors
? 1

# paths that are nearly right
$ cadre generate allenai/OLMoE-1B-7B-0924 -p x
2> cadre: allenai/OLMoE-1B-7B-0924: expected a readable file: *
2>        *hf download allenai/OLMoE-1B-7B-0924 --local-dir OLMoE-1B-7B-0924*
? 1
$ echo x | cadre tokenize allenai/OLMoE-1B-7B-0924
2> cadre: allenai/OLMoE-1B-7B-0924: expected a readable file: *
2>        *hf download*
? 1
$ mkdir -p hub/models--a--b/refs hub/models--a--b/snapshots &&
+     cp -r noisy hub/models--a--b/snapshots/0123abc && printf 0123abc > hub/models--a--b/refs/main
$ cadre inspect hub/models--a--b
2> cadre: hub/models--a--b/config.json: *
2>        *the model is in hub/models--a--b/snapshots/0123abc
? 1
$ cadre inspect hub
2> cadre: hub/config.json: *
2>        *hub/models--a--b/snapshots/0123abc
? 1
$ mkdir one && cadre convert noisy one/m-Q8_0.gguf --dtype Q8_0 --quiet && cadre inspect one
2> cadre: one/config.json: *
2>        The folder holds a GGUF file: one/m-Q8_0.gguf
? 1
$ cp one/m-Q8_0.gguf one/n.gguf && cadre inspect one
2> cadre: one/config.json: *
2>        The folder holds 2 GGUF files, such as one/m-Q8_0.gguf
? 1
$ cadre inspect noisy/config.json
2> cadre: noisy/config.json: *
2>        A model that is a folder is opened by the folder's name: noisy
? 1
$ cadre generate noisy/model.safetensors -p x
2> cadre: noisy/model.safetensors: *
2>        A model that is a folder is opened by the folder's name: noisy
? 1

# names of formats in letters of any case
$ cadre convert noisy q.gguf --dtype Q4_K_M --experts-dtype Q8_0 --quiet &&
+     cadre init upper --recipe OLMoE --layers 1 --width 32 --heads 2 --experts 4 \
+     --expert-width 16 --vocab 300 --dtype BF16 --quiet
