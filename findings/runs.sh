# runs.sh - every run of `make findings`, one a line: its name, the groups that show it, and its
# options beside those that all runs share. `half` stands for half of the steps. A run "from NAME"
# upcycles the model of that run by the first options and trains on by those behind "--".
#
# All are equal in active work: a token passes through 256 hidden units of experts, in as many
# experts as it picks (k experts of width 256 / k), and every run sees the same tokens. Where that
# cannot be so (halves, upcycled models), the page says which runs are compared.

# What all runs share. Mixtral's blocks are llama's with experts for the feed-forward.
shared="--recipe mixtral --layers 2 --width 128 --heads 4 --kv-heads 4 --vocab 1024 --context 128
    --batch 8 --lr 0.003"
k1="--experts 16 --topk 1 --expert-width 256"
k2="--experts 16 --topk 2 --expert-width 128"
k4="--experts 16 --topk 4 --expert-width 64"
k8="--experts 16 --topk 8 --expert-width 32"
renorm="--router softmax-renorm"
w32="--expert-width 32"
w64="--expert-width 64"
aux="--aux-loss 0.01"
none="--aux-loss 0"
dense="--experts 0 --dense-width"
to16="--experts 16 --topk 2"
two="--granularity 2"

noisy="--losses importance=0.1,smooth-load=0.1"
levels="--groups 4 --groups-used 2 --experts 16 --topk 1 --expert-width 128"

runs() {
    sed -e '/^#/d' -e '/^$/d' << END
# ---- dense, and every router with the balancing that it was published with ----
dense             | routers upcycle | $dense 256
base              | routers topk init jitter zloss capacity upcycle fine | $renorm $k2 $aux
softmax           | routers | --router softmax $k2 $aux
scaled            | routers | $renorm --route-scale 2 $k2 $aux
topk-softmax      | routers | --router topk-softmax $k2 $aux
sigmoid-bias      | routers | --router sigmoid-bias $k2 $none --bias-update-rate 0.01
sigmoid-bias-raw  | routers | --router sigmoid-bias-raw $k2 $none --bias-update-rate 0.01
sqrtsoftplus-bias | routers | --router sqrtsoftplus-bias $k2 $none --bias-update-rate 0.01
softmax-bias      | routers | --router softmax-bias $k2 $none --bias-update-rate 0.01
noisy-topk        | routers | --router noisy-topk $k2 $none $noisy
top-p             | routers | --router top-p $k2 $aux
base-layer        | routers | --router base $k1 $none
sigmoid-input     | routers | --router sigmoid-input $k1 $aux
switch            | routers topk fine | --router softmax $k1 $aux
sparsemixer       | routers | --router sparsemixer $k2 $aux
sparsemixer-1     | routers | --router sparsemixer-1 $k1 $aux
product           | routers | --router product --grid 4,4 $k2 $aux
dense-router      | routers | --router dense --experts 16 --topk 16 --expert-width 16 $none
cosine            | routers | --router cosine $k2 $aux
expert-choice     | routers | --router expert-choice --capacity-factor 2 $k2 $none
hierarchical      | routers | --router hierarchical $levels $none $noisy
# 16 experts of 8 slots: as many slots as tokens
soft              | routers | --router soft --slots 8 $k1 $none
# Others that train takes join here, with $k2 and no balancing loss.

# ---- fine-grained and shared, at equal total parameters ----
coarse            | fine    | --router softmax --experts 8 --topk 1 --expert-width 256 $aux
fine-32           | fine    | $renorm --experts 32 --topk 4 $w64 $aux
fine-64           | fine    | $renorm --experts 64 --topk 8 $w32 $aux
shared-32         | fine    | $renorm --experts 31 --shared-experts 1 --topk 3 $w64 $aux
shared-64         | fine    | $renorm --experts 62 --shared-experts 2 --topk 6 $w32 $aux

# ---- a bias against a loss, under one score (sigmoid) ----
unbalanced        | balance | --router sigmoid-bias $k2 $none
loss-0.001        | balance | --router sigmoid-bias $k2 --aux-loss 0.001
loss-0.01         | balance | --router sigmoid-bias $k2 --aux-loss 0.01
loss-0.1          | balance | --router sigmoid-bias $k2 --aux-loss 0.1
bias-0.001        | balance | --router sigmoid-bias $k2 $none --bias-update-rate 0.001
sigmoid-bias      | balance |
bias-0.1          | balance | --router sigmoid-bias $k2 $none --bias-update-rate 0.1

# ---- one thing changed of the run "base" ----
top-4             | topk    | $renorm $k4 $aux
top-8             | topk    | $renorm $k8 $aux
# Mixtral's deviation of 0.02 is a variance of 1 / (20 * 128): 20 makes it one over the inputs
init-1.0          | init    | $renorm $k2 $aux --init-scale 20
init-0.1          | init    | $renorm $k2 $aux --init-scale 2
jitter-0.01       | jitter  | $renorm $k2 $aux --jitter 0.01
jitter-0.1        | jitter  | $renorm $k2 $aux --jitter 0.1
z-0.001           | zloss   | $renorm $k2 $aux --z-loss 0.001
z-0.01            | zloss   | $renorm $k2 $aux --z-loss 0.01
z-0.1             | zloss   | $renorm $k2 $aux --z-loss 0.1
capacity-1.0      | capacity | $renorm $k2 $aux --overflow drop --capacity-factor 1.0
capacity-1.25     | capacity | $renorm $k2 $aux --overflow drop --capacity-factor 1.25
capacity-2.0      | capacity | $renorm $k2 $aux --overflow drop --capacity-factor 2.0

# ---- upcycled after half of the steps, against scratch; copies are twice as wide as their
# parent ----
half-dense        | upcycle | half $dense 128
half-dense-wide   | upcycle | half $dense 256
half-scratch      | upcycle | half $renorm $k2 $aux
up-copy           | upcycle | half from half-dense --method copy $to16 -- $aux
up-drop           | upcycle | half from half-dense --method drop $to16 -- $aux
up-granular       | upcycle | half from half-dense-wide --method granular $two $to16 -- $aux
END
}
