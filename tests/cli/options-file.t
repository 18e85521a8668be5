$ echo '{"seed": 3, "quiet": true}' > good.json && cadre help --options good.json
> cadre *
> ...

# the command line wins over the file, wherever it stands
$ echo '{"pages": "nowhere"}' > pages.json && mkdir here &&
+     cadre help --pages here --options pages.json && ls here/cadre.1
> here/cadre.1

$ echo '{"sed": 3}' > unknown.json && cadre help --options unknown.json
2> cadre: unknown.json: unknown option 'sed'
2>        did you mean 'seed'?
? 2

$ echo '{"seed": -3}' > bounds.json && cadre help --options bounds.json
2> cadre: bounds.json: seed: expected an integer from 0 to 9200000000000000000, found '-3'
? 2

$ echo '{"seed": 1, "seed": 2}' > twice.json && cadre help --options twice.json
2> cadre: twice.json: expected a JSON object of options, line 1: duplicate object key*
? 1

$ echo '{"options": "good.json"}' > nested.json && cadre help --options nested.json
2> cadre: nested.json: options: a file of options cannot name another
? 2

$ cadre help --options nowhere.json
2> cadre: nowhere.json: expected a readable file: No such file or directory
? 1
