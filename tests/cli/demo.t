# what the demo prints of its results, on results that are made up
! no jq here: jq --version
$ mkdir run &&
+     echo '{"tokens": 356352, "sparse_layers": [{"layer": 1}, {"layer": 4}]}' > run/run.json
$ echo '{"domains": [{"name": "de", "bits_per_byte": 3.2}, {"name": "en", "bits_per_byte": 2.5}],
+     "domain_information": [{"bits": 0.456, "most": 1}, {"bits": 0.05, "most": 0.9999}]}' \
+     > run/analysis.json
$ echo '[{"name": "xz -9e", "domains": {"de": 3.1, "en": 3}},
+     {"name": "xz -9e, primed", "domains": {"de": 2.3, "en": 2.25}}]' > run/compare.json
$ (. "$HERE/../../demo/demo.sh" && run=run && show_bits && show_shares)
>                 cadre     xz -9e  xz -9e, having packed the
>                                     training text before it
> de               3.20       3.10                       2.30
> en               2.50       3.00                       2.25
> bits per byte, fewer is better: cadre needs fewer than xz -9e in 1 of 2 languages
> the model saw 356,352 of the 500,000 tokens that it needs for all of them: on a less busy machine
+  it does better
> layer 1: one pick of an expert tells 0.46 of 1.00 bits about the language
> layer 4: one pick of an expert tells 0.05 of 1.00 bits about the language

# enough tokens: nothing is to be said
$ sed -i 's/356352/500000/' run/run.json
$ (. "$HERE/../../demo/demo.sh" && run=run && show_bits | tail -1)
> bits per byte, fewer is better: cadre needs fewer than xz -9e in 1 of 2 languages
$ (. "$HERE/../../demo/demo.sh" && for n in 7 999 1000 1234567; do grouped $n; done | xargs)
> 7 999 1,000 1,234,567
