# page_html.jq - the page of findings: a picture and two tables a group, with nothing outside of it.
include "numbers";
def text: tostring | @html;
def cell: "<td>\(.)</td>";
def line: "<tr>" + (map(cell) | join("")) + "</tr>";
def spread(digits): if length == 0 then "" else (mean | fixed(digits)) +
    (if length > 1 then " ± " + (deviation | fixed(digits)) else "" end) end;

# Where numbers lie: from `low` to `high`, in steps that people count in.
def scale: (min) as $low | (max) as $high | ([$high - $low, 1e-3] | max) as $range |
    ([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10] |
        map(select($range / . <= 5)) | .[0] // 20) as $step |
    { low: (($low / $step | floor) * $step), high: (($high / $step | ceil) * $step), step: $step };
def at($s; $x; $width): $x + $width * (. - $s.low) / ([$s.high - $s.low, 1e-9] | max);

# One panel: a dot a seed, a line from mean - deviation to mean + deviation, a stroke at the mean.
def stroke($class; $x1; $x2; $y1; $y2):
    "<line class=\"\($class)\" x1=\"\($x1)\" x2=\"\($x2)\" y1=\"\($y1)\" y2=\"\($y2)\"/>";
def panel($rows; field; $x; $width; $title):
    ([$rows[] | field | select(length > 0) |
        .[], mean - (deviation // 0), mean + (deviation // 0)]) as $all |
    if ($all | length) == 0 then "" else ($all | scale) as $s |
    (if $s.step < 0.01 then 3 elif $s.step < 0.1 then 2 else 1 end) as $digits |
    "<text class=\"t\" x=\"\($x)\" y=\"12\">\($title)</text>" +
    ([range(0; (($s.high - $s.low) / $s.step + 1.5 | floor)) | $s.low + . * $s.step |
        (at($s; $x; $width)) as $at |
        stroke("g"; $at; $at; 32; 38 + 20 * ($rows | length)) +
        "<text class=\"n\" x=\"\($at)\" y=\"27\">\(fixed($digits))</text>"] | join("")) +
    ([$rows | to_entries[] | (46 + 20 * .key) as $y | .value | field | select(length > 0) |
        mean as $m | (deviation // 0) as $d | ($m | at($s; $x; $width)) as $at |
        stroke("e"; $m - $d | at($s; $x; $width); $m + $d | at($s; $x; $width); $y; $y) +
        stroke("m"; $at; $at; $y - 6; $y + 6) +
        (map("<circle cx=\"\(at($s; $x; $width))\" cy=\"\($y)\" r=\"2.5\">" +
            "<title>\(fixed(4))</title></circle>") | join(""))] | join("")) end;

def picture($rows; $title):
    "<svg viewBox=\"0 0 900 \(48 + 20 * ($rows | length))\" role=\"img\"" +
    " aria-label=\"\($title | text)\">" +
    ([$rows | to_entries[] | "<text class=\"r\" x=\"215\" y=\"\(50 + 20 * .key)\">" +
        "\(.value.name | text)\(if .value.lookahead then " (future)" else "" end)</text>"] |
        join("")) +
    panel($rows; .bits; 240; 360; "held-out bits per byte, fewer is better") +
    panel($rows; .vio; 660; 200; "MaxVio, 0 is even") + "</svg>";

def tables($rows; $claims):
    "<table><tr><th>run<th>seeds<th>bits per byte<th>MaxVio<th>picks<th>dropped" +
    "<th>parameters<th>active</tr>" +
    ([$rows[] | select(.n > 0) | [(.name | text), .n, (.bits | spread(3)), (.vio | spread(2)),
        (.picks | fixed(2)), dropped_percent, .total, .active] | line] | join("\n")) +
    "</table>" +
    ([$rows[] | select(.n == 0) | "<p class=\"out\"><b>\(.name | text)</b> was left out: " +
        "\(.refused | text)</p>"] | join("\n")) +
    if ($claims | length) == 0 then "" else
    "<table><tr><th>published<th>compared<th>size<th>here<th>verdict</tr>" +
    ([$claims[] | ["\(.words | text) <i>(\(.source | text))</i>",
        "\(.a) with \(.b)\(if .metric then ", " + .metric else "" end)",
        (if .percent then "\(.percent | signed(1)) %" else "" end), mean_percent,
        "<b>\(.verdict | text)</b>"] | line] | join("\n")) + "</table>" end;

$published[0] as $page | ($results | map(select(.bits)) | unique_by([.name, .seed])) as $done |
"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>cadre: findings</title><style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em;
    color: #222; background: #fff }
table { border-collapse: collapse; font-size: 14px; margin: 1em 0 }
td, th { text-align: left; padding: 2px 10px 2px 0; border-bottom: 1px solid #ddd;
    vertical-align: top }
svg { width: 100%; font: 12px system-ui, sans-serif }
.r { text-anchor: end }
.n { text-anchor: middle; fill: #777; font-size: 11px }
.t { font-weight: 600 }
.g { stroke: #e4e4e4 }
.e { stroke: #0b6; stroke-width: 5; opacity: .45 }
.m { stroke: #063; stroke-width: 2 }
circle { fill: #063; opacity: .55 }
.out { color: #777 }
@media (prefers-color-scheme: dark) {
    body { color: #ddd; background: #171717 }
    svg text { fill: #ccc }
    .g { stroke: #333 }
    .m { stroke: #7fd }
    circle { fill: #7fd }
    td, th { border-color: #444 }
}
</style><h1>What small models say about published findings</h1>
<p>\($done | length) runs of \($steps) steps,
seeds \($done | map(.seed) | unique | map(tostring) | join(", "));
between runs of one seed, tokens and their order are the same.
A dot is a seed, a bar the mean ± one standard deviation. A comparison is the mean over seeds of the
difference within a seed, in percent, ± its 95 % interval (Student's t); where that holds zero it
decides nothing. Sizes are called equal within the interval or a factor of two. The published models
are a thousand times larger and saw a million times the text: a direction that is reproduced here
says more than one that is not. Published numbers are quoted from memory of the papers'
tables.</p>" +
([$page.groups[] | . as $group | rows($results; .id) as $rows | select($rows | length > 0) |
    ([$page.claims[] | select(.group == $group.id) | verdict($results)]) as $claims |
    "<h2>\(.title | text)</h2><p>\(.words | text)</p>" +
    picture($rows | map(select(.n > 0)); $group.title) + tables($rows; $claims)] | join("\n")) +
"<h2>Left out</h2><ul>\($page.left_out | map("<li>\(text)") | join(""))</ul>
<p>\"cadre train\" of the first run: <code>\($done[0].command // "" | text)</code></p></html>"
