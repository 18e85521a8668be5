# every router that help names trains, is saved, is opened again, and is named in the report: in all
# layers, and beside another one
$ for i in $(seq 300); do echo "The $i. token goes to expert $((i * 7 % 8)) and to $((i * 5 % 8)); \
+ $((i % 13)) are dropped."; done > en.txt
$ echo '{"recipe": "mixtral", "layers": 2, "width": 32, "heads": 2, "experts": 4, "topk": 2,
+     "expert_width": 16, "vocab": 512, "context": 32, "batch": 2, "steps": 1, "threads": 1,
+     "data": ["en.txt"]}' > tiny.json
$ cadre help train | sed -n '/^  --router /,/^  --topk/s/^    \([a-z][a-z0-9-]*\) .*/\1/p' > routers
$ test $(wc -l < routers) -ge 26 || wc -l routers
> (nothing)
$ printf '%s\n' 'case $1 in base|sparsemixer-1) echo --topk 1 ;; soft|expert-choice|hash-next)' \
+     'echo --allow-lookahead ;; hierarchical)' \
+     'echo --groups 2 --groups-used 1 --topk 1 ;; esac' > own
$ while read -r r; do
+     cadre train --options tiny.json --router $r $(sh own $r) --out $r --quiet > summary &&
+     cadre report $r --out $r.html --quiet &&
+     grep -q "2 sparse layers of 4 experts, .*; router $r\." $r.html || echo "$r: no label"
+     grep -q '"domains"' $r/analysis.json || echo "$r: nothing of held-out texts"
+     cadre eval $r --text en.txt --json | grep -q bits_per_byte || echo "$r: not opened"
+ done < routers
> (nothing)
2> ...
$ while read -r r; do [ $r = softmax-renorm ] && continue
+     set -- --router $r,softmax-renorm $(sh own $r)
+     case $r in base|sparsemixer-1) set -- "$@" --topk 1,2 ;;
+         hierarchical) set -- "$@" --groups 2,1 --groups-used 1,1 --topk 1,2 ;; esac
+     cadre train --options tiny.json "$@" --out $r.2 --quiet > summary &&
+     cadre report $r.2 --quiet &&
+     grep -q "; routers $r (layer 0), softmax-renorm (layer 1)\." $r.2/report.html ||
+     echo "$r: no label of the first layer"
+     cadre eval $r.2 --text en.txt --json | grep -q bits_per_byte || echo "$r: not opened"
+ done < routers
> (nothing)
2> ...

# the next token's table sees the future in training, and has nothing to go by in writing
$ cadre train --options tiny.json --router hash-next --out no
2> ...
2> cadre: router hash-next: a token's experts depend on the tokens behind it, *
? 2
$ cadre generate hash-next -p The -n 2
2> cadre: hash-next: router hash-next: a token's experts follow from the token behind it, *
? 1
$ cadre eval hash-next --text en.txt --json | jq '.files[0].lookahead | .tokens == 256 and
+     .bits_per_token != .bits_per_token_without'
> true
$ cadre eval expert-choice --text en.txt | head -1
> *perplexity  seeing ahead  without
$ cadre eval hash --text en.txt | grep -c ahead
> 0
? 1
$ cadre generate multi-hash -p The -n 2 > text || echo no text
> (nothing)
2> ...
$ cadre train --options tiny.json --router multi-hash --topk 3 --out no
2> ...
2> cadre: options: topk: with the router multi-hash expected a divisor of the 4 experts, *
? 2
$ for t in modulo random balanced dispersed; do
+     cadre train --options tiny.json --router multi-hash --hash-table $t --out parts-$t \
+         --quiet > summary || echo "$t: not trained"
+ done
> (nothing)
2> ...
$ cadre train --options tiny.json --router multi-hash --hash-table clustered --out no
2> ...
2> cadre: --hash-table clustered: not with router multi-hash: *
? 2

# a table of each kind for each layer
$ cadre train --options tiny.json --router hash,multi-hash --hash-table balanced,random --quiet \
+     --out listed > summary && cadre eval listed --text en.txt --json | grep -c bits_per_byte
> 1
$ cadre train --options tiny.json --router hash --hash-table random,modulo,random --out no
2> ...
2> cadre: --hash-table: expected one word, or one for each layer, found 3
? 2
$ cadre train --options tiny.json --router hash,multi-hash --hash-table random,clustered --out no
2> ...
2> cadre: --hash-table clustered: not with router multi-hash: *
? 2

# lists of what belongs to a layer
$ cadre train --options tiny.json --router hash,softmax-bias --expert-form relu,geglu \
+     --renormalise=no,yes --overflow none,drop --priority choice,batch --capacity-factor 1.25 \
+     --aux-loss 0,0.02 --bias-update-rate 0,0.01 --losses importance=0.1/ --dry-run | grep -E \
+     '^(router|expert form|overflow|priority|balancing)  '
> router * hash,softmax-bias
> expert form * relu,geglu
> overflow * none,drop
> priority * batch
> balancing * load, coefficient 0,0.02, over micro, layer
> balancing * importance, coefficient 0.1,0, over micro, layer
> balancing * correction bias, 0.01 a step
2> ...
$ cadre train --options tiny.json --router hash,softmax,hash --out no
2> cadre: --router: expected one name or one for each of the 2 layers, found 3
? 2
$ cadre train --options tiny.json --overflow drop,none,drop --out no
2> cadre: --overflow: expected one word, or one for each layer, found 3
? 2
$ cadre train --options tiny.json --losses load=0.1/z=0.1/load=0.1 --out no
2> ...
2> cadre: --losses: expected losses for all layers, or for each of 2 between slashes, found *
? 2
$ cadre train --options tiny.json --aux-form pooled --aux-loss 0.1,0.2 --out no
2> ...
2> cadre: balancing over all layers' tokens in one pool wants one coefficient, found 0.1 and 0.2
? 2
$ cadre train --options tiny.json --balance-loss load,importance --out no
2> cadre: --balance-loss: expected *
2> ...
? 2
$ cadre train --options tiny.json --recipe switch-t5 --router softmax,hash --out no
2> ...
2> cadre: --recipe switch-t5: expected what files of switch_transformers can say *, found another
+  model
? 2
$ cadre inspect hash.2 | grep '^router'
> router * several, layer by layer
