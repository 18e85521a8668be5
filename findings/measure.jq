# measure.jq - one run's result of the files that training wrote.
def mean: map(select(. != null)) | if length == 0 then null else add / length end;
def late: $metrics[(($metrics | length) * 3 / 4 | floor):];
def of_layers(field): late | map(field // [] | mean) | mean;

$summary[0] as $s | $analysis[0].domains as $domains | {
    name: $name, seed: $seed, options: $options, shared: $shared, command: $run[0].command,
    parameters: $s.parameters, active: $s.active_parameters, steps: $s.steps, tokens: $s.tokens,
    seconds: $s.seconds,
    bits: (($domains | map(.bits_per_byte * .bytes) | add) / ($domains | map(.bytes) | add)),
    domains: ($domains | map({(.name): .bits_per_byte}) | add),
    max_vio: of_layers(.max_vio),
    picks: of_layers(.picks_per_token),
    dead: of_layers(.dead),
    logit_max: of_layers(.logit_max),
    dropped: (late | map(select(.picks_per_token // [] | length > 0) |
        (.dropped | add) / ((.picks_per_token | add) * .tokens)) | mean),
    lookahead: ($run[0].options["allow-lookahead"] == true),
    date: $run[0].date }
