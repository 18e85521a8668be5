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
2> cadre: --seed: expected an integer from 0 to 9200000000000000000, found '-1'
? 2

$ cadre help --threads=0
2> cadre: --threads: expected an integer from 1 to 1024, found '0'
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

# values: attached or after it; none is none
$ cadre help --seed=
2> cadre: --seed: expected an integer from 0 to 9200000000000000000, found ''
? 2

$ cadre generate m -n5x
2> cadre: --length: expected an integer from 0 to 16777216, found '5x'
? 2

$ cadre generate m -n
2> cadre: --length: expected a value after it, found nothing
? 2

# only a flag is taken back, and then without a value
$ cadre help --no-seed
2> cadre: help: unknown option '--no-seed'
2>        did you mean --seed?
? 2

$ cadre help --no-quiet=yes
2> cadre: help: unknown option '--no-quiet'
2>        did you mean --quiet?
? 2

# what asks for help or the version has no value, and cannot be taken back
$ cadre help --help=no
2> cadre: --help: expected no value, found 'no'
? 2

$ cadre help --version=yes
2> cadre: --version: expected no value, found 'yes'
? 2

$ cadre help --no-help
2> cadre: help: unknown option '--no-help'
2>        did you mean --help?
? 2

# a name that no option could have is cut
$ cadre help --xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
2> cadre: help: unknown option '--xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'
2>        'cadre help --help' lists the options
? 2

# a dash alone is an operand, and after two dashes everything is
$ cadre help -
2> cadre: help: no command is called '-'
2>        'cadre --help' lists the commands
? 2

$ cadre help -- --help
2> cadre: help: no command is called '--help'
2>        'cadre --help' lists the commands
? 2

# operands that are missing
$ cadre generate
2> cadre: generate: expected MODEL, found nothing
2>        usage: cadre generate MODEL [OPTION...]
? 2

$ cadre tokenize --quiet
2> cadre: tokenize: expected MODEL|tokenizer.json, found nothing
2>        usage: cadre tokenize MODEL|tokenizer.json [OPTION...]
? 2

# the last of two wins, and a flag can be taken back
$ cadre help --seed 1 --seed 2 --quiet --no-quiet -- help
> cadre help - *
> ...
2> --seed has no effect: the results of this command depend on no seed

# stdout that cannot be written is an error
$ cadre help > /dev/full
2> cadre: stdout: could not be written: No space left on device
? 1
