# one layer on given numbers: what it needs is said by name
$ cadre layer
2> cadre: layer: expected CASE, found nothing
2> *
? 2
$ cadre layer case.safetensors
2> cadre: layer: --out: expected a file to write, found nothing
? 2
$ cadre layer nowhere.safetensors --out o.safetensors
2> *nowhere.safetensors*
? 1
$ cadre layer case.safetensors --router softmx --out o.safetensors
2> cadre: --router: expected softmax, *, found 'softmx'
2>        did you mean 'softmax'?
? 2
