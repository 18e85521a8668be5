# every check of the installed program in its row, and how many held
$ cadre verify --threads 1
> ok  reference  router softmax  *  experts 2 6, weights 0.370 0.224, within *
> ...
> ok  gradient  *within * of central differences
> ...
> ok  kernel  *portable*: the same bits
> ...
> 20 passed, 0 failed
2> (nothing)

# the same as JSON
$ cadre verify --threads 2 --json
> {"checks":[{"group":"reference","name":"router softmax","passed":true,"detail":"experts 2 6, *"},
+ *{"group":"kernel","name":"row kernels","passed":true,"detail":"portable*: the same bits"}],
+ "passed":20,"failed":0}
2> (nothing)

$ cadre verify this
2> cadre: verify: expected options alone, found 'this' too
2>        usage: cadre verify [OPTION...]
? 2

$ cadre verify > /dev/full
2> cadre: stdout: could not be written: No space left on device
? 1
