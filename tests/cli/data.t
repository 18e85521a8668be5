# what is given as text and is none: one line that names it, before anything is learnt
$ for i in $(seq 400); do echo "The $i. token goes to expert $((i * 7 % 8)) and to $((i * 5 % 8)); \
+ load is even."; done > en.txt
$ echo '{"recipe": "olmoe", "layers": 1, "width": 32, "heads": 2, "experts": 4, "topk": 2,
+     "expert_width": 16, "vocab": 512, "context": 32, "batch": 4, "steps": 2, "threads": 1}' \
+     > tiny.json
$ gzip -c en.txt > en.txt.gz && iconv -f UTF-8 -t UTF-16 en.txt > wide.txt &&
+     printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n' > pointer.txt
$ cadre train --options tiny.json --data en.txt.gz --out run
2> cadre: en.txt.gz: expected text in UTF-8, found a file compressed by gzip
2>        gzip -dc en.txt.gz > en.txt.gz.txt
? 1
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
$ cadre eval run --text en.txt.gz
2> cadre: en.txt.gz: expected text in UTF-8, found a file compressed by gzip
2>        *
? 1
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

# a text that cannot hold a context is refused before a vocabulary is learnt
$ echo short > short.txt && cadre train --options tiny.json --data short.txt --out run2
2> cadre: short.txt: expected at least 33 tokens to train on (one context and its last target),
+  found 6 bytes
? 1
