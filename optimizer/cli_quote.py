"""`hashlever quote loan|machine|hashprice`: parse, call, print.

Every option is a field's name with dashes, as in the catalogue and in JSON. All are read as text here and checked
together (`optimizer.quote.asked`), so that everything wrong with a call is said at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optimizer.cli_options import Json
from optimizer.completion import loan_ids, loan_ids_and_all, machine_ids_and_all
from optimizer.shell import print_json, print_with

if TYPE_CHECKING:
    from optimizer.errors import Problem
    from optimizer.quote.asked import Given

quote = typer.Typer(
    name="quote",
    help="What a loan, a machine or hashprice comes to: calculators, without a scenario.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def _says(help_: str, metavar: str = "X") -> Any:
    return typer.Option(metavar=metavar, help=help_, show_default=False)


BtcPrice = Annotated[str | None, _says("BTC's price today.", "USD")]
Difficulty = Annotated[str | None, _says("The network's difficulty, as in 135e12.")]
NetworkEhs = Annotated[str | None, _says("The network's hashrate in EH/s, in place of the difficulty.")]
FeesShare = Annotated[str | None, _says("Fees as a share of a block's total reward, 0..1; none if not given.")]
Subsidy = Annotated[str | None, _says("Subsidy of a block, as in 3.125.", "BTC")]
Height = Annotated[str | None, _says("Block height, in place of the subsidy.")]
Apr = Annotated[str | None, _says("Interest a year, 0..1.")]
Term = Annotated[str | None, _says("Months from draw to maturity.", "N")]
Fee = Annotated[str | None, _says("Fee up front, as a share of the loan.")]
Interest = Annotated[str | None, _says("When interest is paid; monthly if not known.", "monthly|at_maturity")]
Repayment = Annotated[str | None, _says("How principal is repaid; bullet if not known.", "bullet|amortising")]
CatalogueDir = Annotated[
    Path | None, typer.Option("--catalogue", metavar="DIR", help="A folder of your own in place of the package's.")
]


@quote.command()
def loan(
    ctx: typer.Context,
    product: Annotated[
        str | None,
        typer.Argument(
            metavar="PRODUCT",
            help="A loan of the catalogue, or `all` side by side.",
            show_default=False,
            autocompletion=loan_ids_and_all,
        ),
    ] = None,
    btc_price_usd: BtcPrice = None,
    amount_usd: Annotated[str | None, _says("What is borrowed.", "USD")] = None,
    pledge_btc: Annotated[str | None, _says("What is pledged.", "BTC")] = None,
    ltv: Annotated[str | None, _says("Loan to value, 0..1; the highest on offer if not given.")] = None,
    accrued_usd: Annotated[str | None, _says("Interest that has run on a loan under way.", "USD")] = None,
    at_price_usd: Annotated[list[str] | None, _says("What happens at this price; may be repeated.", "USD")] = None,
    apr: Apr = None,
    term_months: Term = None,
    payment_days: Annotated[str | None, _says("Pay every N days, not months; --term-months counts them.", "N")] = None,
    origination_fee_share: Fee = None,
    interest: Interest = None,
    repayment: Repayment = None,
    ltv_counts: Annotated[str | None, _says("Interest that the LTV counts.", "accrued|full_term")] = None,
    warning_ltv: Annotated[str | None, _says("LTV at which the lender warns.")] = None,
    call_ltv: Annotated[str | None, _says("LTV of the margin call.")] = None,
    cure_target_ltv: Annotated[str | None, _says("LTV to which a call is cured.")] = None,
    cure_hours: Annotated[str | None, _says("Hours to cure a call.", "N")] = None,
    liquidation_ltv: Annotated[str | None, _says("LTV at which the lender sells at once.")] = None,
    liquidation_target_ltv: Annotated[str | None, _says("LTV down to which it sells; all if not given.")] = None,
    liquidation_fee_share: Annotated[str | None, _says("Fee on what it sells.")] = None,
    liquidation_slippage_share: Annotated[str | None, _says("What a forced sale loses beside the fee.")] = None,
    catalogue: CatalogueDir = None,
    json_: Json = False,
) -> None:
    """A loan against BTC: payments, cost a year, calls, liquidation, top-ups and BTC lost as price falls."""
    from optimizer.quote.asked import problem, read
    from optimizer.quote.catalogue import ALL, load_catalogue, loan_offers
    from optimizer.quote.loan import asked_amiss, loan_problems, quote_loan, quotes_side_by_side
    from optimizer.quote.loan_terms import LoanAsk

    given, problems = _given(ctx), list["Problem"]()
    offers = loan_offers(product, load_catalogue(catalogue), given, problems)
    ask = read(LoanAsk, given, problems)
    if product == ALL and at_price_usd:
        found = ", ".join(at_price_usd)
        problems.append(problem("at_price_usd", "is for one loan", found, f"leave it out, or name one for `{ALL}`"))
    if ask is not None and offers:
        problems += asked_amiss(ask) if product == ALL else loan_problems(offers[0], ask)
    _refuse(problems)
    assert ask is not None
    quotes = quotes_side_by_side(offers, ask) if product == ALL else [quote_loan(offers[0], ask)]
    if json_:
        from optimizer.report.quote_json import loan_document

        print_json(loan_document(quotes, ask))
        return
    from optimizer.report.terminal_quote_loan import print_loan, print_loans

    print_with(lambda console: print_loans(quotes, ask, console) if product == ALL else print_loan(quotes[0], console))


@quote.command()
def machine(
    ctx: typer.Context,
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="A machine of the catalogue, or `all` side by side.",
            show_default=False,
            autocompletion=machine_ids_and_all,
        ),
    ] = None,
    btc_price_usd: BtcPrice = None,
    hashprice_usd: Annotated[
        str | None, _says("Hashprice a PH/s and day, or else the network's figures.", "USD")
    ] = None,
    difficulty: Difficulty = None,
    network_ehs: NetworkEhs = None,
    fees_share: FeesShare = None,
    subsidy_btc: Subsidy = None,
    block_height: Height = None,
    power_usd_per_mwh: Annotated[str | None, _says("What power costs.", "USD")] = None,
    pue: Annotated[str | None, _says("Power at the meter over the machines' own; 1 if not given.")] = None,
    uptime_share: Annotated[str | None, _says("Share of the time that it runs; 1 if not given.")] = None,
    hashrate_ths: Annotated[str | None, _says("TH/s of a machine of your own.", "N")] = None,
    power_w: Annotated[str | None, _says("Its watts at the wall.", "N")] = None,
    price_usd: Annotated[str | None, _says("Price of the machine; the catalogue's if not given.", "USD")] = None,
    duty_share: Annotated[str | None, _says("Import duty, a share of the price.")] = None,
    freight_usd_per_unit: Annotated[str | None, _says("Freight.", "USD")] = None,
    installation_usd_per_unit: Annotated[str | None, _says("Installation.", "USD")] = None,
    price_growth_pa: Annotated[str | None, _says("Growth a year of BTC's price; 0 if not given.")] = None,
    difficulty_growth_pa: Annotated[str | None, _says("Growth a year of the difficulty; 0 if not given.")] = None,
    life_months: Annotated[str | None, _says("How long it will run: what it mines by then.", "N")] = None,
    financed_share: Annotated[str | None, _says("Share of its cost that is borrowed.")] = None,
    loan: Annotated[
        str | None,
        typer.Option(
            "--loan",
            metavar="PRODUCT",
            help="On these terms of the catalogue.",
            show_default=False,
            autocompletion=loan_ids,
        ),
    ] = None,
    apr: Apr = None,
    term_months: Term = None,
    origination_fee_share: Fee = None,
    interest: Interest = None,
    repayment: Repayment = None,
    discount_pa: Annotated[str | None, _says("A year's discount of money to come; BTC's growth if not given.")] = None,
    cooling: Annotated[
        str | None, typer.Option("--cooling", metavar="air|hydro|immersion", help="Of `all`, those cooled so.")
    ] = None,
    catalogue: CatalogueDir = None,
    json_: Json = False,
) -> None:
    """A machine: cost to mine a BTC, break-evens, payback, real cost per TH as financed."""
    from optimizer.quote.asked import read
    from optimizer.quote.catalogue import ALL, cooled, financing, load_catalogue, machines
    from optimizer.quote.machine import MachineAsk, machine_problems, quote_machine

    given, problems, known = _given(ctx), list["Problem"](), load_catalogue(catalogue)
    found = cooled(machines(model, known, given, problems), cooling, model, problems)
    ask = read(MachineAsk, given, problems)
    terms = financing(loan, known, given, problems)
    if ask is not None:
        problems += machine_problems(ask, terms)
    _refuse(problems)
    assert ask is not None
    quotes = [quote_machine(machine, ask, terms) for machine in found]
    if json_:
        from optimizer.report.quote_json import machine_document

        print_json(machine_document(quotes, ask, terms))
        return
    from optimizer.report.terminal_quote_machine import print_machine, print_machines

    print_with(
        lambda console: (
            print_machines(quotes, ask, terms, console)
            if model == ALL
            else print_machine(quotes[0], ask, terms, console)
        )
    )


@quote.command()
def hashprice(
    ctx: typer.Context,
    btc_price_usd: BtcPrice = None,
    difficulty: Difficulty = None,
    network_ehs: NetworkEhs = None,
    fees_share: FeesShare = None,
    subsidy_btc: Subsidy = None,
    block_height: Height = None,
    json_: Json = False,
) -> None:
    """What 1 PH/s earns in a day, from price, difficulty or network hashrate, subsidy and fees."""
    from optimizer.quote.asked import read
    from optimizer.quote.hashprice import NetworkAsk, network_problems, quote_hashprice

    problems: list[Problem] = []
    ask = read(NetworkAsk, _given(ctx), problems)
    problems += network_problems(ask) if ask is not None else ()
    _refuse(problems)
    assert ask is not None
    found = quote_hashprice(ask)
    if json_:
        from optimizer.report.quote_json import hashprice_document

        print_json(hashprice_document(found, ask))
        return
    from optimizer.report.terminal_quote_machine import print_hashprice

    print_with(lambda console: print_hashprice(found, ask, console))


def _given(ctx: typer.Context) -> Given:
    """The options that were given, as typed: names are those of the functions' parameters, which are fields' names."""
    options = [parameter.name for parameter in ctx.command.params if parameter.param_type_name == "option"]
    return {name: ctx.params[name] for name in options if name and isinstance(ctx.params[name], str | list)}


def _refuse(problems: list[Problem]) -> None:
    if problems:
        from optimizer.errors import QuoteError

        raise QuoteError(problems)
