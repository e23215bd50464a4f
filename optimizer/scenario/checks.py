"""The table of cross-checks: what no field can say alone.

Each check is a function from a `Scenario` to its issues, and stands here with the sections that it reads.
When a section does not validate, the checks that read it wait, and the others still speak.
"""

from __future__ import annotations

from optimizer.scenario import checks_fleet as fleet
from optimizer.scenario import checks_market as market
from optimizer.scenario import checks_money as money
from optimizer.scenario import checks_sources as sources
from optimizer.scenario.issues import Check, Issue
from optimizer.scenario.schema import Scenario

CHECKS: dict[Check, str] = {
    market.decision_months_start_today_and_rise: "decision_months horizon_months",
    market.cases_add_up: "market horizon_months",
    market.history_window_is_in_order: "market",
    market.branching_rises: "market horizon_months",
    market.tree_is_not_too_large: "market horizon_months",
    market.paths_fill_the_tree: "market",
    market.stresses_fit: "market horizon_months",
    market.frozen_lenders_are_known: "market loans facilities",
    market.fair_hashprice_is_plausible: "market",
    fleet.site_and_machine_names_differ: "sites machines",
    fleet.machines_stand_at_known_sites: "sites machines",
    fleet.cooling_fits: "sites machines",
    fleet.owned_machines_have_room: "sites machines",
    fleet.machines_on_order_have_room: "sites machines",
    fleet.resale_values_agree: "machines",
    fleet.machines_on_order_arrive_in_time: "machines horizon_months",
    fleet.power_is_not_free: "sites",
    fleet.orders_arrive_in_time: "machines decision_months horizon_months",
    fleet.specs_are_used: "machines",
    money.debt_names_differ: "loans facilities liabilities",
    money.ltvs_are_in_order: "loans facilities",
    money.tiers_rise: "facilities",
    money.buffer_leaves_room: "facilities requirements",
    money.repayment_terms_agree: "loans facilities",
    money.draws_are_possible: "facilities decision_months",
    money.lenders_fail_as_one: "loans facilities",
    money.loans_end_within_their_term: "loans horizon_months",
    money.liabilities_fall_within_the_horizon: "liabilities treasury horizon_months",
    money.pledges_are_held: "loans treasury",
    money.loans_are_not_called_today: "loans market requirements",
    money.depreciation_says_how_long: "taxes",
    money.lots_are_listed_by_age: "taxes treasury",
    money.requirements_hold_today: "requirements treasury loans",
    sources.source_names_differ: "sources loans facilities",
    sources.machine_loans_agree: "sources machines market",
    sources.loans_of_limited_recourse_say_what_is_handed_over: "taxes sources machines decision_months",
    sources.windows_open: "sources decision_months",
    sources.pledged_coins_are_not_overpaid: "sources",
    sources.puts_are_not_given_away: "sources",
    sources.hashprices_are_near_todays: "sources market",
    sources.lines_agree_with_themselves: "sources requirements",
    sources.hashrate_loans_agree_with_themselves: "sources requirements",
    sources.vendors_offers_are_for_candidates: "sources machines",
    sources.vendors_defer_what_is_due_with_the_order: "sources machines",
}


def issues_of(scenario: Scenario, broken: frozenset[str] = frozenset()) -> list[Issue]:
    """Every issue of the checks whose sections are all valid, in the table's order.

    ``broken``: sections that did not validate and that ``scenario`` therefore lacks.
    """
    checks = [check for check, reads in CHECKS.items() if broken.isdisjoint(reads.split())]
    return [issue for check in checks for issue in check(scenario)]
