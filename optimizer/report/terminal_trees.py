"""How sure the plan is over several trees, on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimizer.report.screen import Lines
from optimizer.report.terminal_judged import ALTERNATIVES
from optimizer.report.trees_json import trees_document
from optimizer.report.words import NONE, add, btc, grid, share, usd, worth

if TYPE_CHECKING:
    from optimizer.planning import Plan


def sureness(plan: Plan) -> Lines:
    """What several trees say of the plan: in sentences, decision by decision, plan by plan; nothing of one."""
    doc = trees_document(plan)
    if doc is None:
        return []
    unit, beside = plan.scenario.numeraire, plan.value.value
    decisions = grid("Today, over the trees", "in", "least", "mean", "most", "this plan")
    for row in doc["decisions"]:
        amounts = (amount_in_words(row[key], row["unit"]) for key in ("least", "mean", "most", "this_plan"))
        add(decisions, row["words"], f"{row['trees']} of {len(doc['candidates'])}", *amounts)
    headings = ("worth", "short by", "at most", "moved", "broken", "off the trees", "behind", "trouble")
    candidates = grid("Plan of seed", *headings)
    for row in doc["candidates"]:
        amounts = (
            NONE if (amount := row[f"{key}_{unit}"]) is None else worth(amount, unit, beside).removesuffix(" BTC")
            for key in ("objective", "gap_mean", "gap_high", "off_tree", "behind")
        )
        own, short, high, off, behind = amounts
        seed = f"{row['seed']}" + (" (this plan)" if row["seed"] == doc["recommended_seed"] else "")
        add(
            candidates,
            seed,
            *(own, short, high),
            *(f"{row[key]} of {row['tried']}" for key in ("moved", "impossible")),
            *(off, behind, share(row["trouble_share"], 1)),
        )
    rivals = grid("Other advice", "loses on this tree", "off the trees", "standard error", "trouble")
    for row in doc["rivals"]:
        keys = (f"loses_{unit}", f"off_tree_loses_{unit}", f"off_tree_error_{unit}")
        amounts = (worth(row[key], unit, beside).removesuffix(" BTC") for key in keys)
        add(rivals, ALTERNATIVES[row["name"]], *amounts, share(row["trouble_share"], 1))
    return [
        *doc["says"],
        decisions,
        candidates,
        *([rivals] if doc["rivals"] else []),
        f"In {unit.upper()}. Short by: on average of the best on the other trees; at most: at "
        f"{share(doc['confidence'])} confidence for all plans together. Moved: today's trading and pledging had to be "
        "chosen anew; broken: not even so. Trouble: paths on which anything goes wrong.",
    ]


def amount_in_words(amount: float, unit: str) -> str:
    """An amount of what is decided today, by its unit."""
    if unit == "usd":
        return usd(amount)
    return btc(amount) if unit == "btc" else f"{amount:,.0f}"
