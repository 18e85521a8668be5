# what is given as text and is none: one line that names it, before anything is learnt
$ for i in $(seq 400); do echo "The $i. token goes to expert $((i * 7 % 8)) and to $((i * 5 % 8)); \
+ load is even."; done > en.txt
$ echo '{"recipe": "olmoe", "layers": 1, "width": 32, "heads": 2, "experts": 4, "topk": 2,
+     "expert_width": 16, "vocab": 512, "context": 32, "batch": 4, "steps": 2, "threads": 1}' \
+     > tiny.json
$ gzip -c en.txt > en.txt.gz && iconv -f UTF-8 -t UTF-16 en.txt > wide.txt &&
+     printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n' > pointer.txt
$ cadre train --options tiny.json --data wide.txt --out run
2> cadre: wide.txt: expected text in UTF-8, found text in UTF-16
2>        iconv *
? 1
$ cadre train --options tiny.json --data pointer.txt --out run
2> cadre: pointer.txt: expected text in UTF-8, found a pointer of Git LFS to a file that was not
+  fetched
2>        git lfs pull
? 1
$ ls run
2> ...
? 2
$ cadre train --options tiny.json --data en.txt --out run --quiet
> ...
$ gzip -dc en.txt.gz > plain.txt; for i in en.txt.gz plain.txt; do cadre eval run --text $i --json |
+     jq -c '.files[0] | del(.file)'; done | uniq | wc -l
> 1
$ cadre tokenize run < en.txt.gz
2> cadre: stdin: expected text in UTF-8, found a file compressed by gzip
2>        *
? 1

# documents: files of a folder, and lines of a .jsonl; the end of each is learnt
$ mkdir -p texts/a && for i in $(seq 120); do printf 'The answer of file %d is here. END' \
+     $i > texts/a/f$i.txt; done
$ cadre train --options tiny.json --data texts --out documents
> ...
2> learning a vocabulary of 512 pieces
2> 120 documents, each with <|endoftext|> after it
2> ...
2> a: * bits per byte of held-out text
$ grep -c DThe documents/tokenizer.json
> 0
? 1
$ for i in $(seq 120); do echo "{\"text\": \"The answer of file $i is here. END\"}";
+     done > a.jsonl && ls texts/a | wc -l
> 120
$ cadre train --options tiny.json --data a.jsonl --out lines --quiet &&
+     head -c 29 lines/validation/a.txt
> ...
> The answer of file 115 is her
$ cadre train --from documents --data texts --context 32 --batch 2 --steps 2 --out on
> ...
2> ...
2> 120 documents, each with <|endoftext|> after it
2> ...

# compressed texts are read as what is in them, and named by it; a damaged one is refused
$ cadre train --options tiny.json --data en.txt.gz --out packed --quiet && cmp \
+     run/model.safetensors packed/model.safetensors && ls packed/validation
> ...
> en.txt
$ mkdir lying && gzip -c en.txt > lying/en.txt && cadre train --options tiny.json \
+     --data lying/en.txt --out first-bytes --quiet && cmp run/model.safetensors \
+     first-bytes/model.safetensors
> ...
$ cadre train --options tiny.json --data en.txt.gz --out told
> ...
2> ...
2> --data: 1 compressed file, of which the contents are read
2> ...
$ gzip -c a.jsonl > b.jsonl.gz && cadre train --options tiny.json --data b.jsonl.gz --out packed2 \
+     --quiet && cmp lines/validation/a.txt packed2/validation/b.txt
> ...
$ head -c 300 en.txt.gz > cut.gz && cadre train --options tiny.json --data cut.gz --out no
2> cadre: cut.gz: expected a whole file compressed by gzip, found that it ends too early
? 1

# conversations: what the assistant says is learnt; --loss-on all learns the rest too
$ for i in $(seq 150); do echo "{\"messages\": [{\"role\": \"user\", \"content\": \"Which \
+ expert is $i for?\"}, {\"role\": \"assistant\", \"content\": \"For $((i % 7)).\"}]}"; \
+     done > talk.jsonl
$ cadre train --from run --data talk.jsonl --template chatml --context 32 --batch 2 --steps 2 \
+     --out talked --quiet && cadre train --from run --data talk.jsonl --template chatml \
+     --context 32 --batch 2 --steps 2 --out all --loss-on all --quiet
> ...
$ cmp -s talked/model.safetensors all/model.safetensors
? 1
$ cadre train --from run --data talk.jsonl --template chatml --context 32 --batch 2 --steps 2 \
+     --pack documents --out apart && ! cmp -s talked/model.safetensors \
+     apart/model.safetensors
> ...
2> ...
2> 150 conversations, framed as chatml: the answers are learnt
2> ...
$ cadre train --from run --data talk.jsonl --context 32 --batch 2 --steps 2 --out no
2> cadre: run: conversations: expected a model with a chat template of a known family,
+  found none
2>        --template NAME frames them; 'cadre chat --help' lists the names
? 1
$ for i in $(seq 150); do echo "{\"prompt\": \"$i and $i\", \"completion\": \" is $((i + i))\"}"; \
+     done > sums.jsonl && cadre train --from run --data sums.jsonl --context 32 --batch 2 \
+     --steps 2 --out sums --quiet
> ...

# JSON that is no list of lines is text as it stands, which is said
$ echo "[$(seq -s, 900), \"a text of numbers\"]" > list.json && cp list.json list2.jsonl &&
+     cadre train --options tiny.json --data list.json list2.jsonl --out listed
> ...
2> ...
2> --data: 2 files of JSON read as plain text: documents are the lines of a .jsonl file, each an
+  object
2> ...

# what has nothing to act on is named
$ cadre train --options tiny.json --data en.txt --loss-on all --template chatml --out idle
> ...
2> learning a vocabulary of 512 pieces
2> --loss-on has no effect: there are only texts in --data
2> --template has no effect: there are no conversations in --data
2> ...
$ cadre train --options tiny.json --data en.txt --image-size 32 --image-patch 4 --image-codes 64 \
+     --image-order first --out idle2
> ...
2> learning a vocabulary of 512 pieces
2> --image-size has no effect: there are no images in --data
2> --image-patch has no effect: there are no images in --data
2> --image-codes has no effect: there are no images in --data
2> --image-order has no effect: there are no images in --data
2> ...

# a line that is none of them is named by file and line
$ (head -3 talk.jsonl; echo '{"messages": [{"role": "robot", "content": ""}]}') > bad.jsonl &&
+     cadre train --from run --data bad.jsonl --template chatml --context 32 --steps 1 --out no
2> cadre: bad.jsonl: line 4: messages[0].role: expected the role system, user or assistant, found
+  "robot"
? 1
$ (head -2 a.jsonl; echo '{"text": "a"') | gzip -c > bad.jsonl.gz &&
+     cadre train --options tiny.json --data bad.jsonl.gz --out no
2> cadre: bad.jsonl.gz: line 3: *
? 1
$ echo '{"texts": 1}' > bad.jsonl && cadre train --options tiny.json --data bad.jsonl --out no
2> cadre: bad.jsonl: line 1: expected an object with a "text", with "messages" or with "prompt" and
+  "completion", found none of them
? 1

# domains by weight: one with none is held out all the same, and every domain has to have one
$ cp a.jsonl de.jsonl && cadre train --options tiny.json --data en.txt de.jsonl \
+     --weights en=1,de=0 --out weighted --quiet && ls weighted/validation
> ...
> de.txt
> en.txt
$ cadre train --options tiny.json --data en.txt de.jsonl --weights en=1 --out no
2> ...
2> cadre: --weights: expected a weight for each domain, found none for "de"
? 2
$ cadre train --options tiny.json --data en.txt de.jsonl --weights en=1,fr=2 --out no
2> ...
2> cadre: --weights: expected NAME=X for each domain once, X of 0 to 1e9, found "fr=2"
? 2

# a text that cannot hold a context is refused before a vocabulary is learnt
$ echo short > short.txt && cadre train --options tiny.json --data short.txt --out run2
2> cadre: short.txt: expected at least 33 tokens to train on (one context and its last target),
+  found 6 bytes
? 1
