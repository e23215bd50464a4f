"""The decision memo, the first screen: what to do today, what it costs, what it gains, what could go wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from optimizer.report.falls import TOLD, at_fall, tightest
from optimizer.report.html.advice import Change, FlipPoint, changes
from optimizer.report.html.parts import day_of, month_in_words
from optimizer.report.plain import Document
from optimizer.report.terminal_judged import ALTERNATIVES
from optimizer.report.terminal_plan import LEAST_UNITS
from optimizer.report.words import btc, count, months, price, share, usd, worth

WORST = 3


@dataclass(frozen=True)
class Action:
    """One thing to do today: a verb, what, with whom or where, its dollars and BTC, and its terms."""

    verb: str
    what: str
    who: str
    usd: str
    btc: str
    terms: str


@dataclass(frozen=True)
class Fact:
    """A number that stands large: its name, itself, and what it is beside."""

    name: str
    value: str
    beside: str
    alarm: bool = False


@dataclass(frozen=True)
class Against:
    """An alternative beside the plan, in words: what the plan gains over it, and in how many futures it ends ahead."""

    name: str
    gains: str
    mean: str
    tail: str
    ahead: str


@dataclass(frozen=True)
class Outcome:
    """A bad outcome: its name, what is left, what it costs, what happens on the way."""

    name: str
    left: str
    costs: str
    says: str


@dataclass(frozen=True)
class Memo:
    """All of the first screen."""

    facts: tuple[Fact, ...]
    actions: tuple[Action, ...]
    costs: tuple[tuple[str, str, str], ...]
    against: tuple[Against, ...]
    without: tuple[str, ...]
    measure: str
    changes: tuple[Change, ...]
    solved_again: bool
    toss_ups: tuple[str, ...]
    fall: tuple[str, ...]
    worst: tuple[Outcome, ...]


def memo(doc: Document, flip_points: Sequence[FlipPoint] = ()) -> Memo:
    """The memo of a plan's document."""
    return Memo(
        facts=tuple(_facts(doc)),
        actions=tuple(_actions(doc)),
        costs=tuple(_costs(doc)),
        against=tuple(_against(doc)),
        without=tuple(_without(doc)),
        measure=_measure(doc),
        changes=tuple(changes(doc, flip_points)),
        solved_again=bool(flip_points),
        toss_ups=tuple(row["without"] for row in doc["reasons"]["without"] or () if row["within_gap"]),
        fall=tuple(_at_fall(doc)),
        worst=tuple(worst_outcomes(doc)),
    )


def _facts(doc: Document) -> Iterator[Fact]:
    objective, after, unit = doc["objective"], doc["today"]["after"], doc["objective"]["numeraire"]
    mean = objective[f"expected_net_{unit}"]
    ends = month_in_words(doc["months"][-1]["date"])
    tail = f"{worth(objective[f'cvar_net_{unit}'], unit, mean)} in the worst {share(objective['tail_share'])}"
    beside = f"on average; {tail}" if len(doc["outcomes"]) > 1 else "in the only future there is"
    yield Fact(f"Net worth in {ends}", worth(mean, unit), beside)
    sell = next((row for row in doc["comparators"] if row["name"] == "sell_only" and row["feasible"]), None)
    if sell:
        gain = worth(sell[f"loses_{unit}"], unit, mean)
        beside = f"by the plan's measure; ahead in {share(sell['plan_ahead_share'])} of futures"
        yield Fact("Gains over selling", gain, beside)
    yield _call_fact(doc)
    survived, met = sum(row["survives"] for row in doc["survival"]), len(doc["survival"])
    yield Fact("Named shocks survived", f"{survived} of {met}", "day by day, not knowing what comes", survived < met)
    runway = after["runway_months"]
    lasts = "endless" if runway is None else f"{months(runway)} months"
    yield Fact(
        "Left after today", f"{btc(after['free_btc'])} BTC free", f"{usd(after['cash_usd'])} in cash; runway {lasts}"
    )


def _call_fact(doc: Document) -> Fact:
    rungs = doc["ladder"]
    today = [row for row in rungs if row["month"] == 0]
    if today:
        row = min(today, key=lambda row: row["fall_to_call_share_mean"])
        owed = usd(sum(row["owed_usd_mean"] for row in today))
        beside = f"to {price(row['call_price_usd_mean'])} ({row['facility']}); {owed} owed against BTC"
        return Fact("Fall of BTC to a margin call", share(row["fall_to_call_share_mean"]), beside)
    if not rungs:
        return Fact("Fall of BTC to a margin call", "no call", "nothing is owed against BTC")
    row = min(rungs, key=lambda row: row["fall_to_call_share_p10"])
    when = f"{row['facility']}, {month_in_words(row['date'])}"
    beside = f"{share(row['fall_to_call_share_p10'])} in the tightest tenth later ({when})"
    return Fact("Fall of BTC to a margin call", "none today", beside)


def _at_fall(doc: Document) -> Iterator[str]:
    """What happens if BTC falls so far: to loans at once, when they are tightest, and to machines."""
    if doc["price_falls"]:
        yield at_fall(doc["price_falls"], TOLD)
    else:
        yield "Nothing is owed against BTC after today: nobody calls."
    if doc["ladder"]:
        yield tightest(doc["ladder"])
    low = doc["market"]["hashprice_usd_per_ph_day"] * (1 - TOLD)
    off = sum(row["breakeven_usd_per_ph_day"] > low for row in doc["machines"])
    if doc["machines"]:
        yield (
            f"Were hashprice to fall as far, to ${low:.2f} per PH/s and day, {off} of {len(doc['machines'])} models at "
            "their sites would not pay their power."
        )


def _actions(doc: Document) -> Iterator[Action]:
    today, names = doc["today"], {row["model"]: row["name"] for row in doc["machines"]}
    for r in today["orders"]:
        cost = r["now_usd"] + r["on_delivery_usd"]
        terms = f"{usd(r['now_usd'])} now, {usd(r['on_delivery_usd'])} on {day_of(r['arrival_date'])}"
        yield Action(
            "Order", f"{r['units']:,.0f} {names[r['model']]}", r["site"], usd(cost), _of_today(doc, cost), terms
        )
    if today["sell_btc"] > 0:
        terms = f"at {price(doc['market']['btc_price_usd'])}; fee {usd(today['trading_fee_usd'])}"
        yield Action("Sell", "BTC", "the market", usd(today["sell_usd"]), btc(today["sell_btc"]), terms)
    if today["buy_btc"] > 0:
        spent = today["buy_btc"] * doc["market"]["btc_price_usd"]
        yield Action(
            "Buy", "BTC", "the market", usd(spent), btc(today["buy_btc"]), f"fee {usd(today['trading_fee_usd'])}"
        )
    for r in today["draws"]:
        terms = f"{share(r['apr'], 2)} a year, LTV {share(r['ltv'])} (at most {share(r['tier_max_ltv'])}), "
        terms += f"pledge {btc(r['pledged_btc'])} BTC, due {day_of(r['matures_date'])}"
        who = f"{r['lender']} ({r['facility']})"
        yield Action("Borrow", "against BTC", who, usd(r["amount_usd"]), _of_today(doc, r["amount_usd"]), terms)
    for r in today["repayments"]:
        terms = f"with {usd(r['accrued_interest_usd'])} of interest" if r["accrued_interest_usd"] > 0 else ""
        what = "ahead of schedule" if r["early_usd"] > 0 else "as due"
        who = f"{r['lender']} ({r['facility']})"
        yield Action("Repay", what, who, usd(r["principal_usd"]), _of_today(doc, r["principal_usd"]), terms)
    for r in today["pledges"]:
        who = f"{r['lender']} ({r['facility']})"
        for verb, amount in (("Top up", r["top_up_btc"]), ("Take back", r["release_btc"])):
            if amount > 0:
                yield Action(verb, "pledged BTC", who, "", btc(amount), "")
    for r in today["uses"]:
        verb, unit = r["what"].rsplit("_", 1)
        dollars, coins = usd(r["amount"]) if unit == "usd" else "", btc(r["amount"]) if unit == "btc" else ""
        what = r["kind"].replace("_", " ") if dollars or coins else f"{btc(r['amount'])} {unit}, {r['kind']}"
        yield Action(
            verb.replace("_", " ").capitalize(), what, f"{r['counterparty']} ({r['source']})", dollars, coins, ""
        )
    for site in dict.fromkeys(r["site"] for r in today["retirements"]):
        rows = [r for r in today["retirements"] if r["site"] == site and r["units"] >= LEAST_UNITS]
        if rows:
            brings, last = sum(r["resale_usd"] for r in rows), max(r["retired_date"] for r in rows)
            what = f"{sum(r['units'] for r in rows):,.0f} old machines"
            yield Action("Resell", what, site, usd(brings), _of_today(doc, brings), f"unplugged by {day_of(last)}")


def _of_today(doc: Document, amount_usd: float) -> str:
    """Dollars as BTC at today's price."""
    return btc(amount_usd / doc["market"]["btc_price_usd"])


def _costs(doc: Document) -> Iterator[tuple[str, str, str]]:
    """What today's decisions cost: words, dollars, BTC at today's price."""
    today = doc["today"]
    ordered, due = (sum(r[key] for r in today["orders"]) for key in ("now_usd", "on_delivery_usd"))
    interest_pa = sum(r["amount_usd"] * r["apr"] for r in today["draws"])
    fees = today["trading_fee_usd"] + sum(r["fee_usd"] for r in today["draws"])
    fees += sum(r["early_fee_usd"] for r in today["repayments"])
    for name, amount in (
        ("Machines, paid today", ordered),
        ("Machines, on delivery (duty, freight, installation in)", due),
        ("Fees on sales, loans and early repayment", fees),
        ("Interest on what is drawn today, a year", interest_pa),
    ):
        if amount > 0:
            yield name, usd(amount), f"{_of_today(doc, amount)} BTC"


def _measure(doc: Document) -> str:
    weight, tail = doc["objective"]["risk_weight"], share(doc["objective"]["tail_share"])
    if weight == 0:
        return "the mean of net worth at the end"
    return f"{share(1 - weight)} the mean and {share(weight)} the mean of the worst {tail}, of net worth at the end"


def _against(doc: Document) -> Iterator[Against]:
    objective, unit = doc["objective"], doc["objective"]["numeraire"]
    mine = objective[f"value_{unit}"]
    for row in doc["comparators"]:
        if row["feasible"]:
            mean = objective[f"expected_net_{unit}"] - row[f"expected_{unit}"]
            tail = objective[f"cvar_net_{unit}"] - row[f"cvar_{unit}"]
            gains, mean_words, tail_words = (_signed(x, unit, mine) for x in (row[f"loses_{unit}"], mean, tail))
            name = ALTERNATIVES.get(row["name"], row["name"])
            yield Against(name, gains, mean_words, tail_words, share(row["plan_ahead_share"]))


def _without(doc: Document) -> Iterator[str]:
    """Alternatives that are none, and why."""
    for row in doc["comparators"]:
        if not row["feasible"]:
            yield f"{ALTERNATIVES.get(row['name'], row['name'])}: not compared, {row['why_not']}."


def _signed(amount: float, unit: str, beside: float) -> str:
    """A difference with its sign, the unit in the heading."""
    words = worth(amount, unit, beside).removesuffix(" BTC")
    return words if words.startswith("-") else f"+{words}"


def worst_outcomes(doc: Document) -> Iterator[Outcome]:
    """The named shocks that leave least."""
    expected = doc["months"][-1]["net_btc_mean"]
    for row in sorted(doc["survival"], key=lambda row: row["net_end_btc"])[:WORST]:
        costs = f"{btc(expected - row['net_end_btc'])} BTC less than expected"
        yield Outcome(row["name"], f"{btc(row['net_end_btc'])} BTC", costs, _fate(row))


def _fate(row: Document) -> str:
    """What happens to the company on a named shock."""
    said = ["survives" if row["survives"] else "does not survive"]
    if row["calls"]:
        said.append(count(row["calls"], "margin call"))
    if row["liquidations"]:
        said.append(f"{count(row['liquidations'], 'forced sale')} ({btc(row['lost_btc'])} BTC lost to lenders)")
    if row["insolvent"]:
        said.append("cannot pay its bills")
    elif row["below_min_cash"]:
        said.append(f"less cash than required, {usd(row['lowest_cash_usd'])} in month {row['lowest_cash_month']}")
    return "; ".join(said)
