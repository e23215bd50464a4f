"""All kinds of sources of money that the model knows, and what those of a scenario come to at a node."""

from __future__ import annotations

from collections.abc import Callable

from optimizer.formulation.linear import Terms
from optimizer.formulation.model import Formulation
from optimizer.formulation.source import Kind, nothing
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
from optimizer.scenario.sources.terms import SourceTerms

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
    f.kinds = {name: kind for name, kind in KINDS.items() if name in there}
    for kind in f.kinds.values():
        kind.before_fleet(f)


def add_sources(f: Formulation) -> None:
    """Variables and rows of every kind of source that the scenario has."""
    for kind in f.kinds.values():
        kind.add(f)


def holders(f: Formulation) -> list[str]:
    """Who may have BTC of the company through a source of money."""
    return sorted({s.counterparty for s in f.data.scenario.sources if f.kinds[s.kind].tied_btc is not nothing})


def tied_with(f: Formulation, n: int, counterparty: str) -> Terms:
    """BTC that a counterparty has through sources of money after node n."""
    return _over(f, lambda kind, s: kind.tied_btc(f, n, s) if s.counterparty == counterparty else Terms())


def sources_interest(f: Formulation, n: int) -> Terms:
    """A month's cash interest on what is owed to sources after node n."""
    return _over(f, lambda kind, s: kind.interest(f, n, s))


def sources_service(f: Formulation, n: int) -> Terms:
    """Interest and scheduled principal to sources of the month that ends at node n."""
    return _over(f, lambda kind, s: kind.service(f, n, s))


def sources_cash(f: Formulation, n: int) -> Terms:
    """Money that sources bring, less what they take, at node n."""
    return _over(f, lambda kind, s: kind.cash(f, n, s))


def sources_btc(f: Formulation, n: int) -> Terms:
    """BTC that sources bring, less what they take, at node n."""
    return _over(f, lambda kind, s: kind.btc(f, n, s))


def sources_given_btc(f: Formulation, n: int) -> Terms:
    """BTC that sources take at node n, whatever others bring."""
    return _over(
        f, lambda kind, s: kind.gives_btc(f, n, s) if kind.gives_btc else Terms().plus(kind.btc(f, n, s), -1.0)
    )


def sources_top_ups(f: Formulation, n: int) -> Terms:
    """BTC that was free before the month and is sent to sources at its low, at node n."""
    return _over(f, lambda kind, s: kind.top_up_btc(f, n, s))


def sources_owed(f: Formulation, n: int) -> Terms:
    """Money owed to sources after node n."""
    return _over(f, lambda kind, s: kind.owed(f, n, s))


def sources_worth(f: Formulation, n: int) -> Terms:
    """What sources are worth to the company after node n: what they owe it less what it owes them."""
    return _over(f, lambda kind, s: kind.asset(f, n, s)).plus(sources_owed(f, n), -1.0)


def sources_activity(f: Formulation, n: int) -> Terms:
    """What of sources the objective's tie-break keeps small at node n."""
    return _over(f, lambda kind, s: kind.activity(f, n, s))


def _over(f: Formulation, part: Callable[[Kind, SourceTerms], Terms]) -> Terms:
    """The sum of a part over the scenario's sources."""
    out = Terms()
    for source in f.data.scenario.sources:
        out.plus(part(f.kinds[source.kind], source))
    return out
