# mixtures of local experts on tables: fitted, asked, drawn; and what cannot be, each in one
# sentence
$ cp $HERE/../oracle/small/mixture/*.csv . && cadre mixture fit piecewise.csv --target y \
+     --experts 3 --iterations 20 --out curve
> rows            60
> inputs          x
> targets         y
> parameters      15
> log-likelihood  -*, at first -*
> expert 0        * % of the rows
> expert 1        * % of the rows
> expert 2        * % of the rows
2> written to curve

# a table like the one that was read, and shares with --json
$ cadre mixture predict curve piecewise.csv > out.csv && head -1 out.csv && wc -l < out.csv &&
+     cut -d, -f1 out.csv | tail -1
> x,y
> 61
> *.*

$ cadre mixture predict curve piecewise.csv --json | head -1
> {"row":0,"prediction":[*],"gate":[*,*,*]}

$ printf 'note,x\nhello,0.5\n' > other.csv && cadre mixture predict curve other.csv --seed 3
2> --seed has no effect: the results of this command depend on no seed
> x,y
> 0.5,*

$ cadre report curve --out curve.html && grep -c '<h2>Who answers where</h2>' curve.html
> 1

# every iteration, the first before any
$ cadre mixture fit classes.csv --target class --classify --iterations 2 --out classes --json \
+     --quiet
> {"iteration":0,"log_likelihood":-*}
> {"iteration":1,"log_likelihood":-*}
> {"iteration":2,"log_likelihood":-*}
2> (nothing)

$ cadre mixture predict classes classes.csv | head -1
> a,b,class,p0,p1,p2

$ cadre mixture predict classes classes.csv --json | head -1
> {"row":0,"class":*,"prediction":[*,*,*],"gate":[*,*]}

$ cadre mixture fit regimes.csv --target u,v --method competitive --levels 2,2 --iterations 1 \
+     --lr 0.2 --out regimes --json --quiet
> {"iteration":0,"log_likelihood":-*,"loss":*}
> {"iteration":1,"log_likelihood":-*,"loss":*}

# options of a run from a file, as the reference runs have them; the same bits whatever the threads
$ R=$HERE/../oracle/small/mixture/regimes-em && cadre mixture fit regimes.csv --options $R.json \
+     --init $R.init.safetensors --trace a.st --out ra --threads 1 --quiet > /dev/null &&
+     cadre mixture fit regimes.csv --options $R.json --init $R.init.safetensors --trace b.st \
+     --out rb --threads 2 --quiet > /dev/null && cmp a.st b.st &&
+     cmp ra/mixture.safetensors rb/mixture.safetensors && echo same
> same

$ cadre mixture fit regimes.csv --target u,v --init nowhere --seed 3 --out rc
2> --seed has no effect: the parameters begin as --init has them
2> cadre: nowhere*
? 1

# bad usage
$ cadre mixture
2> cadre: mixture: expected fit|predict [DIR] DATA.csv, found nothing
2>        usage: cadre mixture fit|predict [DIR] DATA.csv [OPTION...]
? 2

$ cadre mixture fti piecewise.csv
2> cadre: mixture: expected fit or predict, found 'fti'
2>        did you mean 'fit'?
? 2

$ cadre mixture predict curve
2> cadre: mixture predict: expected a folder and a table, found fewer
2>        usage: cadre mixture predict DIR DATA.csv
? 2

$ cadre mixture fit piecewise.csv more.csv
2> cadre: mixture fit: expected no more arguments, found 'more.csv'
? 2

$ cadre mixture predict curve piecewise.csv --lr 1
2> cadre: mixture predict: --lr: expected no value, because nothing uses it here, found one
2>        it is for mixture fit
? 2

$ cadre mixture fit piecewise.csv --out none
2> cadre: --target: expected a column to predict, found none
? 2

$ cadre mixture fit piecewise.csv --target y
2> cadre: mixture fit: --out: expected a folder, found nothing
? 2

$ cadre mixture fit piecewise.csv --target y --expert mlp --out none
2> cadre: --expert: expected linear, which --method em can solve for, found mlp
2>        try --method gradient
? 2

$ cadre mixture fit regimes.csv --target u,v --gates task --out none
2> cadre: --gates: expected shared with --method em, found task
2>        try --method cooperative
? 2

$ cadre mixture fit regimes.csv --target u,v --gates task --method gradient --out none
2> cadre: --method: expected cooperative with --gates task, found gradient
? 2

$ cadre mixture fit regimes.csv --target u --levels 2,2,2 --out none
2> cadre: --levels: expected two numbers, of groups and of experts in each, found 3
? 2

$ cadre mixture fit regimes.csv --target u --levels 2,2 --experts 4 --out none
2> cadre: --levels: expected no --experts beside it, which it multiplies to
? 2

$ cadre mixture fit regimes.csv --target u --hidden 4 --method gradient --out none
2> cadre: --hidden: expected --expert mlp beside it, found linear
? 2

$ cadre mixture fit regimes.csv --target u --lr 0.1 --out none
2> cadre: --lr: expected a --method by gradient beside it, found em
? 2

$ cadre mixture fit classes.csv --target class --classify --method cooperative --out none
2> cadre: --method: expected another for classes, whose mixed probabilities are --method gradient's,
+  found cooperative
? 2

$ cadre mixture fit regimes.csv --target u,v --classify --out none
2> cadre: --classify: expected one column of classes, found 2
? 2

$ cadre mixture fit regimes.csv --target u,u --out none
2> cadre: --target: expected each column once, found 'u' twice
? 2

$ cadre mixture fit piecewise.csv --target x,y --out none
2> cadre: --target: expected at least one column of piecewise.csv to be left as an input, found none
? 2

# bad tables: file, line and column
$ cadre mixture fit regimes.csv --target w --out none
2> cadre: regimes.csv: expected a column 'w', found a, b, u, v
? 1

$ printf 'price,size\n1,2\n2,3\n3,1\n' > p.csv && cadre mixture fit p.csv --target prize --out none
2> cadre: p.csv: expected a column 'prize', found price, size
2>        did you mean 'price'?
? 1

$ printf 'x,y\n1,2\n2,\n' > t.csv && cadre mixture fit t.csv --target y --out none
2> cadre: t.csv:3: column 2 ('y'): expected a number, found nothing
? 1

$ printf 'x,y\n1,2\n2,three\n' > t.csv && cadre mixture fit t.csv --target y --out none
2> cadre: t.csv:3: column 2 ('y'): expected a number, found 'three'
? 1

$ printf 'x,z,y\n1,7,2\n2,7,3\n3,7,1\n' > t.csv && cadre mixture fit t.csv --target y --out none
2> cadre: t.csv: column 2 ('z'): expected numbers that differ, found 7 in every row
? 1

$ printf 'x,y\n1,5\n2,5\n3,5\n' > t.csv && cadre mixture fit t.csv --target y --out none
2> cadre: t.csv: column 2 ('y'): expected numbers that differ, found 5 in every row
? 1

$ printf 'x,k\n1,0\n2,0\n3,0\n' > t.csv && cadre mixture fit t.csv --target k --classify --out none
2> cadre: t.csv: column 2 ('k'): expected at least two classes, found 0 in every row
? 1

$ printf 'x,k\n1,0\n2,0.5\n3,1\n' > t.csv && cadre mixture fit t.csv --target k --classify \
+     --out none
2> cadre: t.csv:3: column 2 ('k'): expected a class, 0, 1 and so on, less than there are rows, found
+  0.5
? 1

$ printf 'x,k\n1,0\n2,2\n3,2\n' > t.csv && cadre mixture fit t.csv --target k --classify --out none
2> cadre: t.csv: column 2 ('k'): expected classes 0 to 2 without a gap, found no row of 1
? 1

$ printf 'x,y\n1,2\n2,3\n' > t.csv && cadre mixture fit t.csv --target y --experts 3 --out none
2> cadre: t.csv: expected at least as many rows as there are experts, 3, found 2
? 1

$ cadre mixture fit nowhere.csv --target y --out none
2> cadre: nowhere.csv: *
? 1

# bad folders and files
$ cadre mixture fit piecewise.csv --target y --out curve
2> cadre: curve: expected a folder without a mixture, found one in it
2>        choose another --out, or remove it first
? 1

$ cadre mixture predict curve regimes.csv
> (nothing)
2> cadre: regimes.csv: expected a column 'x', which the mixture was fitted on, found none
? 1

$ cadre mixture predict . piecewise.csv
2> cadre: .: expected the folder of a mixture, with mixture.safetensors in it, found none
? 1

$ cadre mixture fit piecewise.csv --target y \
+     --init $HERE/../oracle/small/mixture/regimes-em.init.safetensors --out none
2> cadre: *regimes-em.init.safetensors: gate: expected F64 [2, 2], found F64 [4, 3]
? 1

# descent that goes too far says so; nothing is left
$ cadre mixture fit piecewise.csv --target y --method gradient --expert mlp --lr 1e6 --out none
2> cadre: piecewise.csv: the likelihood is no finite number after iteration *
2>        a lower --lr, or --standardise, may help
? 1

$ ls -d none
? 2
