$ cadre --version
> cadre *.*.*

$ cadre help --version
> cadre *

$ cadre --help
> cadre *
> ...
> usage: cadre COMMAND [OPTION...]
> ...
>   help *
> ...

$ cadre help --help
> cadre help - *
> ...
> Running
>   --threads N *
> ...
> Examples
> ...

# every command has a page and an example, and its help, its page and the completion name the same
# options
$ mkdir pages && cadre help --pages pages && ls pages
> ...
> cadre-help.1
> ...
> cadre.1
> completion.bash

$ for page in pages/cadre-*.1; do c=${page#*-}; c=${c%.1}; cadre "$c" --help | grep -qx Examples ||
+     echo "$c: no example"; done; true
2> (nothing)


$ for page in pages/cadre-*.1; do c=${page#*-}; c=${c%.1}; cadre "$c" --help |
+     grep -oE '^  (-., )?--[a-z0-9-]+' | grep -oE -- '--.*' | while read -r o; do
+     grep -qF -- "${o//-/\\-}" "$page" || echo "$c $o: not in the page";
+     grep -qE -- "options=.* $o[ \"]" pages/completion.bash || echo "$c $o: not completed"; done;
+     done
> (nothing)

$ cadre help --pages nowhere
2> cadre: nowhere/cadre.1: could not be created: No such file or directory
? 1

$ bash -n pages/completion.bash
2> (nothing)

# the completion, asked as bash asks: words where a word stands, paths where a path stands, nothing
# where neither does
$ mkdir -p at/softmax at/other at/1 at/"of two words" && touch at/model.gguf &&
+     printf '%s\n' '. pages/completion.bash; cd at' 'COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))' \
+     '_cadre; printf "%s\n" "${COMPREPLY[@]}"' > ask
> (nothing)

$ bash ask cadre help --thr
> --threads

$ bash ask cadre ver
> verify

# every router and every loss has a line of its own that says what it is
$ cadre help train | grep -A1 -E '^    soft '
>     soft                    experts read mixtures of a sequence's tokens, *
> *

$ bash ask cadre layer --router '' | while read -r r; do cadre help layer |
+     grep -qE "^    $r +[a-z]" || echo "$r: no line"; done
> (nothing)

$ cadre help layer | grep -E '^ +(orthogonality |--zero-weight)'
>   --zero-weight WORD[,WORD] whether *
>     orthogonality           rows *

$ bash ask cadre train --router softmax-
> softmax-renorm
> softmax-bias

$ bash ask cadre train --router = softmax-
> softmax-renorm
> softmax-bias

$ bash ask cadre train --no-decay norms,bi
> norms,biases

$ bash ask cadre train --router o
>

$ bash ask cadre train --steps ""
>

$ bash ask cadre train --steps = ""
>

$ bash ask cadre generate other -p ""
>

$ bash ask cadre generate other -n ""
>

$ bash ask cadre train --data other o | sort
> of two words
> other

$ bash ask cadre train --data other --tok
> --tokens

$ bash ask cadre train --out "" | sort
> 1
> of two words
> other
> softmax

$ bash ask cadre train --resume = ""
>

$ bash ask cadre train --resume --bat
> --batch

$ bash ask cadre train ""
> ...
> --metrics
> ...

$ bash ask cadre chat mod
> model.gguf

$ bash ask cadre chat --seed 1 mod
> model.gguf

$ bash ask cadre chat model.gguf o
>

$ bash ask cadre bench ""
> gemm
> layer
> train
> decode
> prefill
> alltoall
> cache

$ bash ask cadre bench decode --streams 2 o | sort
> of two words
> other

$ bash ask cadre help ins
> inspect

$ bash ask cadre logits model.gguf --tokens mod
> model.gguf

$ bash ask cadre unknown o
>
