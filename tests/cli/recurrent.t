# recurrent layers: trained, gone on with, generated from, converted
$ mkdir texts && for i in $(seq 400); do
+     echo "The $i. token goes to expert $((i * 7 % 8)) and to $((i * 5 % 8)); load is even.";
+     done > texts/en.txt
$ echo '{"recipe": "shazeer-2017", "layers": 3, "width": 32, "experts": 8, "topk": 2, "vocab": 512,
+     "context": 32, "batch": 4, "quiet": true}' > tiny.json
$ cadre train --options tiny.json --data texts --steps 20 --threads 1 --out one --metrics one.jsonl
> ...
$ cadre train --options tiny.json --data texts --steps 20 --threads 3 --out three \
+     --metrics three.jsonl
> ...
$ cmp one/model.safetensors three/model.safetensors && cut -d , -f 1-5 one.jsonl > a &&
+     cut -d , -f 1-5 three.jsonl | cmp - a
$ tr -d ' \n' < one/config.json | grep -o '"sparse_layers.*'
> "sparse_layers":[{"experts":8,"topk":2,"expert_width":64},{"experts":8,"topk":2,
+ "expert_width":64},{"dense_width":0}],"mixers":["lstm","lstm","lstm"]}
$ cadre inspect one | grep -E 'layers|attention|cache'
> layers            3, of which 2 sparse
> layers by kind    3 lstm
> cache             1.54 kB at a context of 32

# the same bits in two goes
$ cadre train --options tiny.json --data texts --steps 10 --out two --schedule constant --warmup 2
> ...
$ cadre train --options tiny.json --data texts --steps 20 --out two --schedule constant --warmup 2 \
+     --resume 2> /dev/null
> ...
$ cadre train --options tiny.json --data texts --steps 20 --out whole --schedule constant --warmup 2
> ...
$ cmp two/model.safetensors whole/model.safetensors

# a token at a time computes what all at once do
$ cadre generate one --tokens 20,21,22,23,24 -n 6 --greedy --ids > ids && wc -w < ids
> 6
$ cadre logits one --tokens 20,21,22,23,24 --out l.safetensors --quiet && test -s l.safetensors
$ printf 'The 7. token\nload\n' | cadre chat one --template chatml --context 200 --quiet -n 4 \
+     --greedy > /dev/null

# through a GGUF and back
$ cadre convert one one.gguf --quiet && cadre convert one.gguf back --quiet &&
+     cmp one/model.safetensors back/model.safetensors
$ cadre generate one.gguf --tokens 20,21,22,23,24 -n 6 --greedy --ids | cmp - ids

$ cadre convert one small.gguf --dtype q8_0 --quiet && cadre logits small.gguf --tokens 20,21,22 \
+     --out q.safetensors --quiet --threads 1
$ cadre logits small.gguf --tokens 20,21,22 --out r.safetensors --quiet --threads 3 --repack
$ cmp q.safetensors r.safetensors

# beside attention; named only where there is one
$ cadre train --options tiny.json --data texts --steps 2 --mixer lstm,attention,lstm \
+     --experts 8,0,4 --dense-width 40,24,0 --out mixed
> ...
$ tr -d ' \n' < mixed/config.json | grep -o '"sparse_layers.*'
> "sparse_layers":[{"experts":8,"topk":2,"expert_width":64},{"dense_width":24},{"dense_width":0}],
+ "mixers":["lstm","attention","lstm"]}
$ cadre generate mixed --tokens 20,21 -n 2 --greedy --ids | wc -w
> 2
# short convolutions: the same bits for any number of threads, and when a run goes on
$ cadre train --options tiny.json --data texts --steps 12 --mixer short-conv,attention,short-conv \
+     --threads 1 --out conv
> ...
$ tr -d '}' < tiny.json > conv.json && echo ', "mixer": ["short-conv", "attention", "short-conv"],
+     "schedule": "constant", "warmup": 2}' >> conv.json
$ conv="--options conv.json --data texts" && cadre train $conv --steps 6 --threads 3 \
+     --out conv-parts > /dev/null && cadre train $conv --steps 12 --out conv-parts --resume \
+     > /dev/null 2>&1 && cadre train $conv --steps 12 --out conv-whole > /dev/null
$ cmp conv-parts/model.safetensors conv-whole/model.safetensors
$ tr -d ' \n' < conv/config.json | grep -o '"mixers.*'
> "mixers":["short-conv","attention","short-conv"]}
$ cadre convert conv conv.gguf --quiet && for m in conv conv.gguf; do cadre generate $m \
+     --tokens 20,21,22,23 -n 8 --greedy --ids; done | uniq | wc -l
> 1
# Mamba-2, and layers that are only a feed-forward, in the same way
$ cadre train --options tiny.json --data texts --steps 12 --mixer mamba2,none,mamba2 \
+     --dense-width 0,24,0 --experts 8,0,0 --threads 1 --out states
> ...
$ sed 's/}//; s/"experts": 8, //' tiny.json > states.json && echo ',
+     "mixer": ["mamba2", "none", "mamba2"], "experts": [8, 0, 0], "dense_width": [0, 24, 0],
+     "schedule": "constant", "warmup": 2}' >> states.json
$ states="--options states.json --data texts" && cadre train $states --steps 6 --threads 3 \
+     --out states-parts > /dev/null && cadre train $states --steps 12 --out states-parts \
+     --resume > /dev/null 2>&1 && cadre train $states --steps 12 --out states-whole > /dev/null
$ cmp states-parts/model.safetensors states-whole/model.safetensors
$ tr -d ' \n' < states/config.json | grep -o -e '"mixers.*' -e '"conv_bias.*groups":1'
> "conv_bias":true,"state_heads":1,"state_head_dim":64,"state_size":32,"state_groups":1
> "mixers":["mamba2","none","mamba2"]}
$ cadre convert states states.gguf --quiet && for m in states states.gguf; do cadre generate $m \
+     --tokens 20,21,22,23 -n 8 --greedy --ids; done | uniq | wc -l
> 1
$ cadre convert states.gguf states-back --quiet && cadre convert states-back states2.gguf --quiet &&
+     cmp states-back/config.json states/config.json
$ cadre train --options tiny.json --data texts --steps 2 --mixer mamba2,none,lstm \
+     --dense-width 0 --experts 8,0,4 --out no
2> cadre: options: dense-width: expected 1 to 1048576, found 0
? 2
$ cadre train --options tiny.json --data texts --steps 2 --mixer lstm,gru,lstm --out no
2> cadre: --mixer: expected attention, lstm, short-conv, mamba2, none, gated-delta or kda, found
+  'gru'
? 2
$ sed 's/"attention"/"gru"/' mixed/config.json > gru.json && cadre init no --config gru.json
2> cadre: gru.json: mixer: expected one of attention, lstm, short-conv, mamba2, none,
+  gated-delta, kda for layer 1, found "gru"
? 1
$ cadre train --options tiny.json --data texts --steps 2 --mixer lstm,lstm --out no
2> cadre: --mixer: expected one name or one for each of the 3 layers, found 2
? 2
