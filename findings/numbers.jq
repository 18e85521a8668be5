# numbers.jq - means, spreads and verdicts over the results of all seeds.
def mean: if length == 0 then null else add / length end;
def deviation: mean as $m | if length < 2 then null
    else (map((. - $m) * (. - $m)) | add) / (length - 1) | sqrt end;
# Half of the interval that holds the mean of as many differences with a probability of 95 %.
def interval: length as $n | [null, null, 12.706, 4.303, 3.182, 2.776, 2.571][$n] as $t |
    if $n < 2 then null else ($t // 2.4) * deviation / ($n | sqrt) end;
def fixed(digits): if . == null then "" else
    (if . < 0 then "-" else "" end) as $sign | fabs as $x | ($x * pow(10; digits) | round) as $all |
    ($all / pow(10; digits) | floor | tostring) as $whole |
    if digits == 0 then $sign + $whole
    else (($all % pow(10; digits)) | tostring) as $part |
        $sign + $whole + "." + ("0" * (digits - ($part | length)) // "") + $part end end;
def signed(digits): if . == null then "" elif . > 0 then "+" + fixed(digits) else fixed(digits) end;

# One object for each run of a group, in the table's order: its seeds' values, and their mean.
def rows(all; group): group as $group | all | map(select(.groups | index($group))) |
    reduce .[] as $r ({}; .[$r.name] += [$r]) | to_entries | map(.key as $name | .value |
        map(select(.bits)) as $done | {
            name: $name, runs: $done, n: ($done | length), refused: (map(.refused // empty) | .[0]),
            lookahead: any($done[]; .lookahead), total: $done[0].parameters,
            active: $done[0].active,
            bits: ($done | map(.bits)), vio: ($done | map(.max_vio // empty)),
            dead: ($done | map(.dead // empty) | mean),
            picks: ($done | map(.picks // empty) | mean),
            dropped: ($done | map(.dropped // empty) | mean) });

# By how many percent run a is above run b, seed by seed: both saw the same tokens in the same
# order.
def percents(all; $a; $b; $metric):
    def of($name): [all[] | select(.name == $name and .bits)] | unique_by(.seed);
    [of($a)[] as $x | of($b)[] |
        select(.seed == $x.seed and .[$metric] > 0 and $x[$metric] != null) |
        100 * ($x[$metric] / .[$metric] - 1)];

# What the tables of both pages say alike.
def dropped_percent: if (.dropped // 0) > 0 then (100 * .dropped | fixed(1)) + " %" else "" end;
def mean_percent: if .mean == null then "" else
    (.mean | signed(2)) + (if .interval then " ± " + (.interval | fixed(2)) else "" end) + " %" end;

# direction: "less" and "more" of the metric are what was published, "not-more" is no harm within
# `within` percent.
def verdict(all): . as $claim | percents(all; .a; .b; .metric // "bits") as $p |
    ($p | mean) as $m | ($p | interval) as $i |
    . + { n: ($p | length), mean: $m, interval: $i, verdict: (
        if $m == null then "not run"
        elif $i == null then "one seed: no verdict"
        elif .direction == "not-more" then
            if $m + $i <= .within then "reproduced: no worse, within \(.within) %"
            elif $m - $i > .within then "not reproduced: worse"
            else "undecided: within the spread" end
        else (if .direction == "less" then -1 else 1 end) as $sign |
            if $m * $sign > $i then "reproduced in direction" + (
                if .percent == null then ""
                elif (.percent - $m | fabs) <= $i or ($m / .percent >= 0.5 and $m / .percent <= 2)
                then " and in size"
                else ", \(if $m / .percent > 1 then "larger" else "smaller" end)" end)
            elif -$m * $sign > $i then "not reproduced: the opposite"
            else "undecided: within the spread" end end) };
