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

# every command has a page and an example, and its help, its page and the completion name the same options
$ mkdir pages && cadre help --pages pages && ls pages
> ...
> cadre-help.1
> ...
> cadre.1
> completion.bash

$ for page in pages/cadre-*.1; do c=${page#*-}; c=${c%.1}; cadre "$c" --help | grep -qx Examples || echo "$c: no example"; done; true
2> (nothing)


$ for page in pages/cadre-*.1; do c=${page#*-}; c=${c%.1}; cadre "$c" --help | grep -oE '^  (-., )?--[a-z0-9-]+' | grep -oE -- '--.*' | while read -r o; do grep -qF -- "${o//-/\\-}" "$page" || echo "$c $o: not in the page"; grep -qE -- "options=.* $o[ \"]" pages/completion.bash || echo "$c $o: not completed"; done; done
> (nothing)

$ cadre help --pages nowhere
2> cadre: nowhere/cadre.1: could not be created: No such file or directory
? 1

$ bash -n pages/completion.bash
2> (nothing)

$ . pages/completion.bash && COMP_WORDS=(cadre help --thr) COMP_CWORD=2 && _cadre && echo "${COMPREPLY[@]}"
> --threads
