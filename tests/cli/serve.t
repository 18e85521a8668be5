# the server as a program: where it listens, how it is asked and stopped
$ for i in $(seq 900); do echo "The $i. token goes to expert $((i * 7 % 8)), and so on."; done \
+     > en.txt
$ cadre train --recipe olmoe --layers 1 --width 32 --heads 2 --experts 4 --topk 2 \
+     --expert-width 16 --vocab 512 --context 64 --batch 2 --steps 2 --data en.txt --out run \
+     --quiet
> ...

# what cannot be
$ cadre serve
2> cadre: serve: *
2> ...
? 2
$ cadre serve run --host 0.0.0.0
2> cadre: host: expected a loopback address where no API key is asked for, found "0.0.0.0"
2>        --api-key-file FILE asks every client for the key in that file
? 2
$ cadre serve run --body-limit huge
2> cadre: serve: --body-limit: expected a size, found 'huge'
2>        as 64K or 8M
? 2
$ cadre serve run --port 0 --placement-every 5
2> cadre: serve: --placement-every: expected a placement that follows use, found even
2>        --placement balanced or replicated
? 2
$ : > empty && cadre serve run --port 0 --api-key-file empty
2> cadre: the API key: expected some, found none
? 2
$ cadre serve nowhere --port 0 --seed 2 --placement-from nowhere --warm nowhere
2> --seed has no effect: a request names its own, or gets another each time
2> --placement-from has no effect: one process holds all experts
2> --warm has no effect: all weights are in memory (--memory limits them)
2> cadre: nowhere*
2> ...
? 1
$ cadre serve nowhere --port 0
2> cadre: nowhere*
? 1
$ cadre serve run --port 0 --template nobody
2> cadre: the chat template "nobody" is not known
2> ...
? 2

# it answers as generate does, logs nothing of what was asked, and ends when it is told to
$ cat > ask.sh <<'END' && cat > start.sh <<'END2'
+ # ask.sh METHOD PATH BODY: the answer of the server whose address is in the file `err`
+ port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' err)
+ exec 3<> /dev/tcp/127.0.0.1/$port
+ printf '%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n' "$1" "$2" >&3
+ printf 'Content-Length: %d\r\n\r\n%s' ${#3} "$3" >&3
+ cat <&3
+ END
+ # start.sh OPTION...: a server in the background, whose number is in the file `pid`
+ rm -f err
+ cadre serve run --port 0 "$@" 2> err & echo $! > pid
+ for i in $(seq 100); do grep -qs '^listening on' err && break; sleep 0.1; done
+ END2
$ . ./start.sh --alias tiny; bash ask.sh GET /v1/models | tail -1; kill $(cat pid); wait $(cat pid)
> {"object": "list", "data": [{"id": "tiny", "object": "model", *
$ . ./start.sh; bash ask.sh POST /v1/completions \
+     '{"prompt": "The token", "max_tokens": 12, "temperature": 0}' > got; kill $(cat pid)
+ wait $(cat pid) && grep -F "\"text\": \"$(cadre generate run -p 'The token' -n 12 --greedy | \
+     jq -Rs . | sed 's/^"//; s/"$//')\"" got > /dev/null
$ . ./start.sh --cache f16 --memory 1G --warm nowhere; bash ask.sh POST /v1/completions \
+     '{"prompt": "The secret", "max_tokens": 1}' > got
+ kill -INT $(cat pid); wait $(cat pid); sed 's/:[0-9]*$/:PORT/' err
> --warm has no effect: all weights fit in the memory of --memory
> 8 streams of up to 64 tokens each, whose caches take up to 6.55e-05 GB; 64 more may wait
> listening on http://127.0.0.1:PORT
> POST /v1/completions 200, 41 bytes
$ echo '{"temperature": 0, "top_k": 5, "repetition_penalty": 1.5}' > run/generation_config.json
+ . ./start.sh; bash ask.sh POST /v1/completions '{"prompt": "The token", "max_tokens": 12}' > got
+ kill $(cat pid); wait $(cat pid); rm run/generation_config.json; grep '^sampling' err
+ grep -F "\"text\": \"$(cadre generate run -p 'The token' -n 12 --greedy \
+     --repetition-penalty 1.5 | jq -Rs . | sed 's/^"//; s/"$//')\"" got > /dev/null
> sampling as the model's files say, where a request does not: greedy, repetition-penalty 1.5
$ . ./start.sh --quiet; port=$(sed -n 's/.*:\([0-9]*\)$/\1/p' err)
+ cadre serve run --port $port; echo "exit code $?" ; kill $(cat pid); wait $(cat pid)
> exit code 1
2> cadre: 127.0.0.1:*: expected an address to listen on: Address already in use

# a prompt leaves room for a token; routes are of the tokens that were read, before a stop text too
$ . ./start.sh --quiet; for last in 66 65; do bash ask.sh POST /v1/completions \
+     "{\"prompt\": [$(seq -s, 3 $last)], \"max_tokens\": 1}" | grep -o '"code": "[^"]*"\|"length"'
+ done
+ bash ask.sh POST /v1/completions '{"prompt": [70, 71, 72], "max_tokens": 40, "temperature": 0,
+     "stop": ["e", "t", "o", "a"], "return_routes": true}' | tail -1 > got
+ jq '.usage.completion_tokens < 40, (.choices[0].routes | length) ==
+     .usage.prompt_tokens + .usage.completion_tokens - 1' got; kill $(cat pid); wait $(cat pid)
> "code": "context_length_exceeded"
> "length"
> true
> true

# of recurrent layers a snapshot is found: at a prompt's last full block, which the pass ended at
$ cadre train --recipe olmoe --mixer mamba2,attention --layers 2 --width 32 --heads 2 --experts 4 \
+     --topk 2 --expert-width 16 --vocab 512 --context 256 --batch 2 --steps 2 --data en.txt \
+     --out mixed --quiet
> ...
$ sed 's/serve run/serve mixed/' start.sh > mixed.sh
+ prompt=$(seq -s, 3 142); . ./mixed.sh --quiet
+ for i in 1 2; do bash ask.sh POST /v1/completions "{\"prompt\": [$prompt], \"max_tokens\": 9,
+     \"temperature\": 0, \"model\": \"mixed\"}" | grep -o '"text": "[^"]*"' > got$i; done
+ bash ask.sh GET /metrics | grep -E '^cadre_(cached_tokens|cache_.*snapshots)'; cmp got1 got2
+ kill $(cat pid); wait $(cat pid)
> cadre_cache_snapshots 18
> cadre_cache_kept_snapshots 1
> cadre_cached_tokens_total 128
