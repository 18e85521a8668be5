# page_md.jq - the page of findings as Markdown tables, for the documents.
include "numbers";
def cells: "| " + join(" | ") + " |";
def spread(digits): if length == 0 then "" else (mean | fixed(digits)) +
    (if length > 1 then " ± " + (deviation | fixed(digits)) else "" end) end;

$published[0] as $page | ($page.groups[] | . as $group | rows($results; .id) as $rows |
    select($rows | length > 0) |
    "## \($group.title)\n\n\($group.words)\n",
    (["run", "seeds", "bits per byte", "MaxVio", "picks", "dropped", "parameters", "active"] |
        cells),
    ([range(8) | "---"] | cells),
    ($rows[] | if .n == 0 then ["\(.name)", "", "left out: \(.refused)", "", "", "", "", ""] else
        [.name + (if .lookahead then " (sees the future)" else "" end), (.n | tostring),
        (.bits | spread(3)), (.vio | spread(2)), (.picks | fixed(2)), dropped_percent,
        (.total | tostring), (.active | tostring)] end | cells),
    "",
    ([$page.claims[] | select(.group == $group.id) | verdict($results)] | select(length > 0) |
        (["published", "compared", "published size", "here, by seed", "verdict"] | cells),
        ([range(5) | "---"] | cells),
        (.[] | ["\(.words) (\(.source))",
            "\(.a) with \(.b)" + (if .metric then ", \(.metric)" else "" end),
            (if .percent then "\(.percent) %" else "" end), mean_percent, .verdict] | cells), ""))
