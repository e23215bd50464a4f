"""All kinds of sources of money that the model knows, and what those of a scenario come to at a node."""

from __future__ import annotations

from optimizer.formulation.linear import Terms
from optimizer.formulation.model import Formulation
from optimizer.formulation.source import Kind, nothing_with
from optimizer.formulation.source_btc_lending import BTC_LENDING
from optimizer.formulation.source_btc_put import BTC_PUT
from optimizer.formulation.source_credit_line import CREDIT_LINE
from optimizer.formulation.source_hashprice_hedge import HASHPRICE_HEDGE
from optimizer.formulation.source_hashrate_forward import HASHRATE_FORWARD
from optimizer.formulation.source_hashrate_loan import HASHRATE_LOAN
from optimizer.formulation.source_machine_loan import MACHINE_LOAN
from optimizer.formulation.source_note import NOTE
from optimizer.formulation.source_vendor_deferral import VENDOR_DEFERRAL
from optimizer.formulation.source_vendor_pledge import VENDOR_PLEDGE

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        NOTE,
        HASHRATE_FORWARD,
        HASHPRICE_HEDGE,
        BTC_LENDING,
        MACHINE_LOAN,
        BTC_PUT,
        CREDIT_LINE,
        HASHRATE_LOAN,
        VENDOR_DEFERRAL,
        VENDOR_PLEDGE,
    )
}


def add_source_variables(f: Formulation) -> None:
    """Which kinds of source the scenario has, and the variables of theirs that the fleet's rows need."""
    there = {source.kind for source in f.data.scenario.sources}
    # In the order above: rows of one kind may count with variables of another before it.
    f.kinds = tuple(kind for name, kind in KINDS.items() if name in there)
    for kind in f.kinds:
        kind.before_fleet(f)


def add_sources(f: Formulation) -> None:
    """Variables and rows of every kind of source that the scenario has."""
    for kind in f.kinds:
        kind.add(f)


def holders(f: Formulation) -> list[str]:
    """Who may have BTC of the company through a source of money."""
    return sorted({s.counterparty for s in f.data.scenario.sources if KINDS[s.kind].tied_btc is not nothing_with})


def tied_with(f: Formulation, n: int, counterparty: str) -> Terms:
    """BTC that a counterparty has through sources of money after node n."""
    mine = [source for source in f.data.scenario.sources if source.counterparty == counterparty]
    return _sum([KINDS[source.kind].tied_btc(f, n, source) for source in mine])


def sources_interest(f: Formulation, n: int) -> Terms:
    """A month's cash interest on what is owed to sources after node n."""
    return _sum([kind.interest(f, n) for kind in f.kinds])


def sources_service(f: Formulation, n: int) -> Terms:
    """Interest and scheduled principal to sources of the month that ends at node n."""
    return _sum([kind.service(f, n) for kind in f.kinds])


def sources_cash(f: Formulation, n: int) -> Terms:
    """Money that sources bring, less what they take, at node n."""
    return _sum([kind.cash(f, n) for kind in f.kinds])


def sources_btc(f: Formulation, n: int) -> Terms:
    """BTC that sources bring, less what they take, at node n."""
    return _sum([kind.btc(f, n) for kind in f.kinds])


def sources_given_btc(f: Formulation, n: int) -> Terms:
    """BTC that sources take at node n, whatever others bring."""
    given = [kind.gives_btc(f, n) if kind.gives_btc else Terms().plus(kind.btc(f, n), -1.0) for kind in f.kinds]
    return _sum(given)


def sources_top_ups(f: Formulation, n: int) -> Terms:
    """BTC that was free before the month and is sent to sources at its low, at node n."""
    return _sum([kind.top_up_btc(f, n) for kind in f.kinds])


def sources_owed(f: Formulation, n: int) -> Terms:
    """Money owed to sources after node n."""
    return _sum([kind.owed(f, n) for kind in f.kinds])


def sources_worth(f: Formulation, n: int) -> Terms:
    """What sources are worth to the company after node n: what they owe it less what it owes them."""
    return _sum([kind.asset(f, n) for kind in f.kinds]).plus(sources_owed(f, n), -1.0)


def _sum(parts: list[Terms]) -> Terms:
    out = Terms()
    for part in parts:
        out.plus(part)
    return out
