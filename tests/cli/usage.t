# what is wrong with a command line is said in one line, with advice in a second, and exit code 2
$ cadre
2> cadre: expected a command, found nothing
2>        'cadre --help' lists the commands
? 2

$ cadre hepl
2> cadre: no command is called 'hepl'
2>        did you mean 'cadre help'?
? 2

$ cadre xyzzy
2> cadre: no command is called 'xyzzy'
2>        'cadre --help' lists the commands
? 2

$ cadre help --sead 3
2> cadre: help: unknown option '--sead'
2>        did you mean --seed?
? 2

$ cadre help --zzz=3
2> cadre: help: unknown option '--zzz'
2>        'cadre help --help' lists the options
? 2

$ cadre help -z
2> cadre: help: unknown option '-z'
2>        'cadre help --help' lists the options
? 2

$ cadre help --seed
2> cadre: --seed: expected a value after it, found nothing
? 2

$ cadre help --seed --quiet
2> cadre: --seed: expected a value after it, found --quiet
? 2

$ cadre help --seed -1
2> cadre: --seed: expected a whole number from 0 to 9200000000000000000, found '-1'
? 2

$ cadre help --threads=0
2> cadre: --threads: expected a whole number from 1 to 1024, found '0'
? 2

$ cadre help --json=perhaps
2> cadre: --json: expected yes or no, found 'perhaps'
? 2

$ cadre help help more
2> cadre: help: expected [COMMAND], found 'more' too
2>        usage: cadre help [COMMAND] [OPTION...]
? 2

$ cadre help trian
2> cadre: help: no command is called 'trian'
2>        'cadre --help' lists the commands
? 2

# the last of two wins, and a flag can be taken back
$ cadre help --seed 1 --seed 2 --quiet --no-quiet -- help
> cadre help - *
> ...

# stdout that cannot be written is an error
$ cadre help > /dev/full
2> cadre: stdout: could not be written: No space left on device
? 1
