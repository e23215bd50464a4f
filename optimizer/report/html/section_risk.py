"""Named shocks, what is taken as given, and how much to trust it all."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.report.doubt import MOMENT_WORDS
from optimizer.report.html.chart import BLUE, MUTED, RED, Spec, amount, level, mark, named, named_height, svg
from optimizer.report.html.parts import (
    Column,
    Figure,
    Key,
    Section,
    Shown,
    Table,
    as_share,
    in_btc,
    in_month,
    in_usd,
    keys_of,
    number,
    only,
    text,
    yes_no,
)
from optimizer.report.plain import Document
from optimizer.report.terminal_judged import ALTERNATIVES, LIMITS, USED_UP
from optimizer.report.terminal_trees import amount_in_words
from optimizer.report.words import NONE, btc, count, share, worth

SHOCKS = (
    text("name", "shock"),
    yes_no("survives", "survives"),
    in_btc("net_end_btc", "net BTC at the end"),
    in_usd("lowest_cash_usd", "lowest cash"),
    in_month("lowest_cash_month", "in month"),
    number("calls", "margin calls"),
    number("liquidations", "forced sales"),
    in_btc("lost_btc", "BTC lost to lenders"),
    as_share("ltv_high", "highest LTV"),
    text("ltv_high_facility", "with"),
)
ASSUMPTIONS = (
    text("subject", ""),
    text("name", ""),
    text("value", "taken as"),
    text("as_of", "as of"),
    text("source", "source"),
)
EVENTS = {
    "p_call": "a margin call",
    "p_liquidation": "a liquidation",
    "p_lender_failure": "a failed lender keeps a pledge",
    "p_below_min_cash": "less cash than required",
    "p_below_min_btc": "less BTC than required",
    "p_insolvent": "bills it cannot pay",
    "p_any_trouble": "any of these",
}


def survival(doc: Document) -> Section:
    """The plan on named shocks."""
    rows = doc["survival"]
    survived = sum(row["survives"] for row in rows)
    says = (
        f"Survives {survived} of {len(rows)}: no forced sale, no unpaid bill, never less cash than required. "
        "Each is met day by day without knowing what comes, as by `hashlever replay --stress all`: today as planned, "
        "then as the plan does where its tree comes nearest."
    )
    drawn = only(rows, keys_of(SHOCKS, "net_today_btc"))
    y = named("name", [row["name"] for row in sorted(drawn, key=lambda row: -row["net_end_btc"])])
    colour: Spec = {"condition": {"test": "!datum.survives", "value": RED}, "value": BLUE}
    layers = [
        mark("bar", amount("net_end_btc", "net BTC at the end", zero=True), y, color=colour, height=14),
        *level(drawn[0]["net_today_btc"], "x", MUTED, (4, 3)),
    ]
    figure = Figure(
        name="survival",
        title="Net BTC at the end of each shock",
        says=f"The dashed line is net worth after today's decisions, {btc(drawn[0]['net_today_btc'])} BTC.",
        chart=svg(layers, drawn, 220, named_height(len(drawn), 26)),
        of="survival",
        drawn=drawn,
        table=Table(SHOCKS, drawn),
        keys=(Key("survives", BLUE, "band"), Key("does not survive", RED, "band")),
    )
    marked = [row | {"alarm": not row["survives"]} for row in drawn]
    return Section(
        "survival", "Named shocks", (says,), (figure,), (Shown("Every shock", Table(SHOCKS, marked, "alarm")),)
    )


def assumptions(doc: Document) -> Section:
    """What is taken as given, with its source and its date."""
    rows = doc["assumptions"]
    without = sum(row["source"] is None for row in rows)
    says = f"{len(rows) - without} of {len(rows)} figures carry a source; the others are the scenario's own."
    shown = [row | {"source": row["source"] or "the scenario's own"} for row in rows]
    dark = tuple(f"Warning: {w['path']}: {w['message']}" for w in doc["scenario"]["warnings"])
    table = Shown("All that is taken as given", Table(ASSUMPTIONS, shown), folded=True)
    return Section("assumptions", "Assumptions, sources and dates", (says, *dark), (), (table,))


def trust(doc: Document) -> Section:
    """Gap, audit, tree against the market it stands for, paths that it was not made for, seeds."""
    return Section("trust", "How much to trust this", tuple(_said(doc)), (), tuple(_trust_tables(doc)))


def _said(doc: Document) -> Iterator[str]:
    solver, audit, unit = doc["solver"], doc["audit"], doc["objective"]["numeraire"]
    mine, gap = doc["objective"][f"value_{unit}"], doc["doubt"]["gap_share"]
    near = NONE if gap is None else f"{share(gap, 2)} ({worth(doc['doubt']['gap_worth'], unit, mine)})"
    stopped = (
        " It was stopped by a limit: give it more time before acting on small differences."
        if solver["hit_limit"]
        else ""
    )
    yield (
        f"Solver: {solver['name']}, {solver['status'].lower()}; the best plan of this tree gains at most {near} more."
        f"{stopped}"
    )
    yield (
        f"Audit: a ledger that shares no formula with the model finds the same balances to "
        f"{audit['largest_difference']:.0e} of the company's size, and all {len(audit['rules_checked'])} rules kept."
    )
    tree = doc["market"]["tree_against_fan"]
    furthest = max(tree, key=lambda row: abs(row["difference"]))
    yield (
        f"Tree: {count(solver['nodes'], 'node')} and {count(solver['leaves'], 'final branch')} stand for the simulated "
        f"market; furthest off is {MOMENT_WORDS[furthest['moment']]}, {share(furthest['difference'], 2)} in month "
        f"{furthest['month']}."
    )
    if doc["out_of_sample"]:
        [value] = [row for row in doc["out_of_sample"]["figures"] if row["figure"] == "value"]
        yield (
            f"Off the tree: on {doc['out_of_sample']['paths']:,} other paths of the same market the plan is worth "
            f"{worth(value['out_of_sample'], unit, mine)}, on its tree {worth(value['tree'], unit, mine)}. "
            f"{doc['out_of_sample']['policy_text']}"
        )
    else:
        yield "Off the tree: the plan was not replayed on other paths."
    fan = doc["scenario"]["resolved"]["market"].get("fan")
    if fan is None:
        yield "Named cases are known in full: there is no seed, and no other path to try the plan on."
        return
    yield (
        f"Seeds: market and tree come from one seed ({fan['seed']}, {fan['paths']:,} paths), the other paths from "
        "other draws."
    )
    if doc["trees"]:
        yield from doc["trees"]["says"]
    else:
        yield "Whether today's decisions hold on trees of other seeds is not tested here: plan again with --trees 5."
    used = [row for row in audit["headrooms"] if row["rule"] in LIMITS and row["room_share"] <= USED_UP]
    if used:
        names = ", ".join(f"{row['rule']}{' (' + row['who'] + ')' if row['who'] else ''}" for row in used)
        yield f"Used to the full somewhere, so worth asking what they cost: {names}."


def _trust_tables(doc: Document) -> Iterator[Shown]:
    if doc["out_of_sample"]:
        rows = [row | {"event": EVENTS.get(row["event"], row["event"])} for row in doc["out_of_sample"]["chances"]]
        columns: tuple[Column, ...] = (
            text("event", "off the tree"),
            as_share("share", "share of paths", 2),
            as_share("low", "from", 2),
            as_share("high", "to (95% confidence)", 2),
        )
        yield Shown("How often things go wrong on other paths", Table(columns, rows))
    if doc["trees"]:
        yield from _over_trees(doc)
    moments = [row | {"moment": MOMENT_WORDS[row["moment"]]} for row in doc["market"]["tree_against_fan"]]
    moment_columns = (text("moment", "moment"), number("month", "month"), as_share("difference", "difference", 2))
    yield Shown("The tree against the simulated market, at its furthest", Table(moment_columns, moments), folded=True)


def _over_trees(doc: Document) -> Iterator[Shown]:
    """Today's decisions and the plans of several trees, side by side."""
    trees, unit, mine = doc["trees"], doc["objective"]["numeraire"], doc["objective"]
    written = [
        row | {key: amount_in_words(row[key], row["unit"]) for key in ("least", "mean", "most", "this_plan")}
        for row in trees["decisions"]
    ]
    points = (("least", "least"), ("mean", "mean"), ("most", "most"), ("this_plan", "this plan"))
    amounts = (Column(key, heading, str) for key, heading in points)
    decided = (text("words", "today"), number("trees", "plans that do"), *amounts)
    yield Shown("Today's decisions over the trees", Table(decided, written), folded=True)

    def amount(key: str, heading: str) -> Column:
        return Column(f"{key}_{unit}", heading, lambda value: worth(value, unit, mine[f"value_{unit}"]))

    plans = (
        Column("seed", "plan of seed", str),
        amount("objective", "worth on its tree"),
        amount("gap_mean", "short by on the others"),
        amount("gap_high", f"at most ({share(trees['confidence'])} confidence)"),
        number("moved", "trees with other trading today"),
        number("impossible", "trees on which it breaks a requirement"),
        amount("off_tree", "worth off the trees"),
        amount("behind", "behind this plan there"),
    )
    named = [
        row | {"seed": f"{row['seed']} (this plan)"} if row["seed"] == trees["recommended_seed"] else row
        for row in trees["candidates"]
    ]
    yield Shown("The plans of all trees", Table(plans, named), folded=True)
    if trees["rivals"]:
        rivals = (
            text("name", "other advice"),
            amount("loses", "loses on this tree"),
            amount("off_tree_loses", "loses off the trees"),
            amount("off_tree_error", "standard error"),
            as_share("trouble_share", "paths with trouble", 1),
        )
        others = [row | {"name": ALTERNATIVES[row["name"]]} for row in trees["rivals"]]
        yield Shown("Other advice off the trees", Table(rivals, others), folded=True)
