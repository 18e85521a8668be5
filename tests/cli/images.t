# images beside text: banks of experts by type, a code book, one sequence
$ mkdir -p data/pictures && for i in $(seq 60); do
+     c=$((i % 3)); name=$(echo red green blue | cut -d ' ' -f $((c + 1)))
+     awk -v c=$c -v i=$i 'BEGIN {
+         print "P3 12 12 255"
+         for (k = 0; k < 144; k++)
+             print (c == 0) * (155 + i), (c == 1) * (155 + i), (c == 2) * (155 + k % 2 * 90) }' \
+         > data/pictures/p$i.ppm
+     echo "A picture of $name, number $i." > data/pictures/p$i.txt
+     done
$ for i in $(seq 200); do
+     echo "Line $i of the text that has no pictures; $((i * i)) is its square.";
+     done > data/words.txt
$ echo '{"recipe": "qwen3-moe", "banks": "text=4,image=3", "topk": 2, "shared-experts": 1,
+     "layers": 2, "width": 32, "vocab": 512, "context": 48, "batch": 4, "image-size": 16,
+     "image-patch": 4, "image-codes": 20, "quiet": true}' > tiny.json
$ cadre train --options tiny.json --data data --steps 20 --threads 1 --out one --metrics one.jsonl
> ...
$ cadre train --options tiny.json --data data --steps 20 --threads 3 --out three --metrics \
+     three.jsonl
> ...
$ cmp one/model.safetensors three/model.safetensors && cut -d , -f 1-5 one.jsonl > a &&
+     cut -d , -f 1-5 three.jsonl | cmp - a
$ tr -d ' \n' < one/config.json | grep -o '"token_types.*},"sparse'
> "token_types":[{"name":"text","experts":4},{"name":"image","first":1,"count":22,"experts":3}]*
$ grep -o '"content": "<|[^"]*' one/tokenizer.json | sed -n '1p;2p;3p;4p;$p'
> "content": "<|endoftext|>
> "content": "<|image|>
> "content": "<|/image|>
> "content": "<|image:0000|>
> "content": "<|image:0019|>
$ head -1 one.jsonl | grep -o '"loads":.*' | tr -cd ']' | wc -c
> 3

$ cadre inspect one | grep -E '^(experts|banks|shared)'
> experts           7 of width *, 2 a token
> banks             text 0 to 3, image 4 to 6
> shared expert     of width *
$ cadre inspect one --json | tr -d ' \n' | grep -o '"types":.*]'
> "types":[{"name":"text","tokens":446,"experts":4},{"name":"image","tokens":22,"experts":3}]

# the same bits in two goes
$ cadre train --options tiny.json --data data --steps 10 --out two --schedule constant --warmup 2
> ...
$ cadre train --options tiny.json --data data --steps 20 --out two --schedule constant --warmup \
+     2 --resume 2> /dev/null
> ...
$ cadre train --options tiny.json --data data --steps 20 --out whole --schedule constant --warmup 2
> ...
$ cmp two/model.safetensors whole/model.safetensors
$ cadre train --options tiny.json --data data --steps 30 --out two --schedule constant --warmup \
+     2 --resume --image-codes 21
2> cadre: two: images: expected the code book that the run there was started with, found other *
? 1

# gone on with from the model, which keeps its code book; another one cannot be asked for
$ cadre train --from one --data data --context 48 --steps 2 --out more --quiet
> ...
$ cadre generate more --image data/pictures/p1.ppm -n 0 --ids &&
+     cadre tokenize more < data/pictures/p1.txt | wc -w
> *
> *
$ cadre train --from one --banks text=4,image=3 --data data --steps 2 --out no
2> cadre: --banks: with --from, the model says what it is; expected no value, found one
? 2

# through a GGUF and back
$ cadre convert one one.gguf --quiet && cadre convert one.gguf back --quiet &&
+     cmp one/model.safetensors back/model.safetensors && cmp one/config.json back/config.json
$ cadre logits one --tokens 0,1,5,6,7,2,100,101 --out f --quiet &&
+     cadre logits one.gguf --tokens 0,1,5,6,7,2,100,101 --out g --quiet && cmp f g

# bits of text and of images apart
$ cadre eval one --text one/validation/*.txt data/pictures/p1.ppm --json > e.json; grep -o \
+     '"types":{"text":{"tokens":[0-9]*' e.json
> "types":{"text":{"tokens":*
> "types":{"text":{"tokens":*
> "types":{"text":{"tokens":0
$ cadre eval one --text data/pictures/p1.ppm
> file * bits/text token  bits/image token
> data/pictures/p1.ppm *  18 *

# images in prompts, and written
$ cadre generate one -p 'A picture of red<|image|>' -n 30 --greedy --images out > text &&
+     ls out | head -1
$ cadre generate one --tokens 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17 -n 3 --seed 2 --images \
+     unfinished --ids | wc -w
> 3
$ cadre generate one --image data/pictures/p1.ppm data/pictures/p2.ppm -p 'A picture of' -n 2 \
+     --ids | wc -w
> 2
$ cadre generate one --image data/words.txt -p 'A picture of' -n 2
2> cadre: data/words.txt: expected a PNG or PNM image, found neither's first bytes
? 1

# what cannot be
$ cadre train --options tiny.json --data data --banks text=4,sound=3 --steps 2 --out no
2> cadre: --type-ids: expected types that --banks names, found 'image'
? 2
$ cadre train --options tiny.json --data data --image-size 15 --steps 2 --out no
2> cadre: --image-size: expected a multiple of the 4 pixels of --image-patch, found 15
? 2
$ cadre train --options tiny.json --data data/words.txt --steps 2 --out no
2> cadre: --banks: expected tokens of several types, found no word of which are which: images i*
? 2
$ mkdir bad && printf 'P6 9 9 255\nabc' > bad/x.ppm && cadre train --options tiny.json --data \
+     bad --steps 2 --out no
2> cadre: bad/x.ppm: a PNM: expected 243 bytes of samples for 9 by 9 pixels, found 3
? 1
$ cadre train --recipe olmoe --layers 1 --width 32 --data data/words.txt --steps 2 --vocab 512 \
+     --context 32 --out plain --quiet
> ...
$ cadre generate plain --image data/pictures/p1.ppm
2> cadre: plain: expected a model that was trained on images, found one without a code book
? 1
$ cadre train --from plain --data data --steps 2 --context 32 --out no --quiet
2> cadre: data/pictures/p1.ppm: expected text, found an image, for which this model has no tokens
? 1

# types of tokens without images
$ cadre train --options tiny.json --data data/words.txt --type-ids image=1-40 --steps 2 --out \
+     typed --quiet
> ...
$ cadre train --options tiny.json --data data/words.txt --type-ids image=500-700 --steps 2 --out no
2> cadre: options: ids of type image: expected ids of the vocabulary of 512, found 500 to 700
? 2
$ cadre init random --recipe qwen3-moe --layers 1 --width 32 --vocab 600 --banks text=4,image=3 \
+     --topk 2 --type-ids image=1-40 --quiet && cadre logits random --tokens 1,2,300 --out r \
+     --quiet

# the image always last; losses by type
$ cadre train --options tiny.json --data data --image-order last --steps 2 --out last
> ...
$ grep -o '"pictures": \[{"domain": "pictures", "prompt": "A picture of [a-z]*' last/analysis.json
> "pictures": [{"domain": "pictures", "prompt": "A picture of *
$ cadre report last --out last.html --quiet && grep -c 'data:image/png;base64' last.html
> *
$ cadre train --options tiny.json --data data --steps 3 --entropy-experts image=2 --out limoe \
+     --losses local-entropy.text=0.01,global-entropy.image=0.01
> ...
# every bank grows, and can be pruned again
$ cadre grow one grown --add 2 --quiet | grep -E '^(experts|logits)'
> experts          11, 2 a token
> logits           the same bits
$ cadre inspect grown | grep ^banks
> banks             text 0 to 5, image 6 to 10
$ cadre prune grown pruned --keep 3 --text data/words.txt --quiet | grep ^experts
> experts          6, 2 a token
$ cadre inspect pruned | grep ^banks
> banks             text 0 to 2, image 3 to 5
