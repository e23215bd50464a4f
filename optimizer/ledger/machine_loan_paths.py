"""Machine loans on many paths: draws, payments, covenants, walking away, and machines seized on default."""

from __future__ import annotations

import numpy as np

from optimizer.ledger.company import CENT, Company, Setting
from optimizer.ledger.machine_loan_terms import AHEAD, DRAW, WALKS, kept_share, left_share, list_prices, machine_loans
from optimizer.ledger.source import Seized
from optimizer.market.paths import Bools
from optimizer.market.tree import Floats

# Of the machines that a loan financed: fewer by less is a solver's rounding.
ROUNDING = 1e-6


class MachineLoansOnPaths:
    """Draws by the month in which they were made, ``[path, month, loan]``, and what is owed, ``[path, loan]``.

    Off the tree machines that were financed may have left: then the draw is cut to those that are there, and what is
    owed above its payments is due a month later. A covenant is cured whatever the contract says of early repayment:
    its lender may ask for it. A lender that has been walked away from, or has seized machines, lends no more.
    """

    def __init__(self, s: Setting) -> None:
        self._setting = s
        self._loans = machine_loans(s.scenario)
        self._drawn = np.zeros((len(s.paths), s.paths.months + 1, len(self._loans)))
        self._owed = np.zeros((len(s.paths), len(self._loans)))
        self._offered, self._paid = np.zeros_like(self._owed), np.zeros_like(self._owed)
        self._closed = np.zeros(self._owed.shape, dtype=bool)
        self._meant: dict[tuple[str, str], Floats] = {}

    # ---- the month's end as it is meant to go ---------------------------------------------------------------

    def hand_over(
        self, s: Setting, c: Company, month: int, meant: dict[tuple[str, str], Floats], units: dict[str, Floats]
    ) -> Seized:
        """Walk away as meant, from no more than is owed, where machines have been delivered and are there. ``units``:
        which machines the plan hands over, by loan, ``[path, pair]``; of those that are not there others go."""
        gone = Seized.nothing(len(s.paths), len(s.pairs))
        there = c.racked_units + c.arriving_units[:, month]
        for k, loan in enumerate(self._loans):
            price = list_prices(loan, s.pairs)
            if loan.recourse == "full" or loan.name not in units or not price.any():
                continue
            share = self._shares_walked_from(s, k, month, meant)
            at_order = s.paths.asic_price_factor[:, :month]
            wanted = (share * self._drawn[:, :month, k] / at_order).sum(axis=1) / loan.advance_share / price.max()
            mine = np.where(price > 0, there - gone.units, 0.0)
            able = _ratio(np.minimum(wanted, mine.sum(axis=1)), wanted)
            share = share * able[:, None]
            owed = self._drawn[:, :month, k] * left_share(loan, month - 1 - np.arange(month))
            forgiven = (share * owed).sum(axis=1)
            self._drawn[:, :month, k] *= 1 - share
            self._owed[:, k] -= forgiven
            self._closed[:, k] |= forgiven > 0
            taken = _named_first(wanted * able, units[loan.name], mine)
            gone += Seized(taken, np.zeros_like(forgiven), forgiven, np.zeros_like(forgiven))
        return gone

    def _shares_walked_from(self, s: Setting, k: int, month: int, meant: dict[tuple[str, str], Floats]) -> Floats:
        """Of what is owed on each month's draw, the share to be walked away from, ``[path, month before]``."""
        loan = self._loans[k]
        lead = max(pair.candidate.lead_months for pair in s.pairs if pair.candidate and loan.takes(pair.model))
        share = np.zeros((len(s.paths), month))
        for drawn in range(month):
            asked = meant.get((loan.name, WALKS[drawn]))
            if asked is not None:
                owed = self._drawn[:, drawn, k] * float(left_share(loan, month - 1 - drawn))
                late = s.paths.delivery_delay_months if drawn + lead > 0 else 0
                share[:, drawn] = np.where(drawn + lead + late <= month, _ratio(np.minimum(asked, owed), owed), 0.0)
        return share

    def close(self, s: Setting, c: Company, month: int, meant: dict[tuple[str, str], Floats]) -> tuple[Floats, Floats]:
        """Pay what falls due, repay ahead as meant, cure covenants."""
        cash = np.zeros(len(s.paths))
        for k, loan in enumerate(self._loans):
            owed = self._owed[:, k]
            level = self._drawn[:, :month, k] @ left_share(loan, month - np.arange(month))
            repaid = np.maximum(owed - level, 0.0)
            if loan.early_repayment and (loan.name, AHEAD) in meant:
                repaid += np.minimum(meant[loan.name, AHEAD], owed - repaid)
            if loan.covenant_ltv is not None:
                fetch = self._list_usd(s, k, month) * s.paths.asic_price_factor[:, month] * kept_share(s.scenario)
                repaid += np.maximum(owed - repaid - loan.covenant_ltv * fetch, 0.0)
            self._paid[:, k] = owed * loan.apr / 12 + repaid
            self._owed[:, k] = owed - repaid
            cash -= self._paid[:, k]
        self._meant = meant
        return cash, np.zeros_like(cash)

    def offer(self, s: Setting, c: Company, month: int, order_units: Floats) -> Floats:
        """What would be drawn on such an order, fees deducted."""
        cash = np.zeros(len(s.paths))
        factor = s.paths.asic_price_factor[:, month]
        for k, loan in enumerate(self._loans):
            wanted = self._meant.get((loan.name, DRAW), np.zeros_like(cash))
            room = np.maximum(loan.limit_usd - self._drawn[:, :, k].sum(axis=1), 0.0)
            room[self._closed[:, k]] = 0.0
            price = order_units @ list_prices(loan, s.pairs) * factor
            self._offered[:, k] = np.minimum(np.minimum(wanted, room), loan.advance_share * price)
            cash += self._offered[:, k] * (1 - loan.origination_fee_share)
        return cash

    def pay(self, c: Company, month: int, share: Floats) -> None:
        """Draw on ``share`` of the order that was offered for."""
        self._drawn[:, month] = self._offered * share[:, None]
        self._owed += self._drawn[:, month]
        # Only now: machines that are ordered may stand for those that leave.
        self._cut_to_machines(c, month)

    def tied_btc(self) -> Floats:
        """None: only machines are pledged."""
        return np.zeros(len(self._owed))

    def worth_usd(self, s: Setting, month: int) -> Floats:
        """Less what is owed."""
        return np.asarray(-self._owed.sum(axis=1))

    # ---- when it cannot ------------------------------------------------------------------------------------

    def give_up(self, s: Setting, c: Company, month: int, cash: Floats) -> Seized:
        """Where cash is short, one loan of limited recourse after the other on which something fell due is not paid:
        its lender takes the machines, and the payment stays with the company."""
        gone = Seized.nothing(len(s.paths), len(s.pairs))
        for k, loan in enumerate(self._loans):
            if loan.recourse == "limited":
                short = (cash + gone.usd < -CENT) & (self._paid[:, k] > CENT)
                gone += self._seize(s, c, month, k, short)
        return gone

    def seize(self, s: Setting, c: Company, month: int, broke: Bools) -> Seized:
        """The company is in default: every lender that is owed anything takes what it financed."""
        gone = Seized.nothing(len(s.paths), len(s.pairs))
        for k in range(len(self._loans)):
            gone += self._seize(s, c, month, k, broke & (self._owed[:, k] + self._paid[:, k] > CENT))
        return gone

    def _seize(self, s: Setting, c: Company, month: int, k: int, which: Bools) -> Seized:
        """Take a loan's machines on the paths ``which``, those under way too, and set what they fetch against all that
        is owed before this month's payment, which is given back. What is over goes to the company; what is short it
        owes at once, or is forgiven where recourse is limited."""
        loan = self._loans[k]
        price = list_prices(loan, s.pairs)
        coming = c.arriving_units[:, month + 1 :]
        there_usd = (c.racked_units + coming.sum(axis=1)) @ price
        # The last payment due this month has not been made either.
        listed_usd = self._list_usd(s, k, month, before_payment=True)
        share = np.where(which, _ratio(np.minimum(listed_usd, there_usd), there_usd), 0.0)[:, None] * (price > 0)
        units = share * (c.racked_units + coming.sum(axis=1))
        c.racked_units -= share * c.racked_units
        coming -= share[:, None] * coming
        resale = np.array([pair.resale_usd for pair in s.pairs])
        fetch = units @ resale * s.paths.asic_price_factor[:, month]
        claim = np.where(which, self._owed[:, k] + self._paid[:, k], 0.0)
        short = np.maximum(claim - fetch, 0.0)
        undone = np.where(which, self._paid[:, k], 0.0)
        full = loan.recourse == "full"
        self._drawn[which, :, k], self._owed[which, k], self._paid[which, k] = 0.0, 0.0, 0.0
        self._closed[which, k] = True
        nothing = np.zeros_like(short)
        more = undone + np.maximum(fetch - claim, 0.0)
        return Seized(units, more, nothing if full else short, short if full else nothing)

    # ---- what is financed ----------------------------------------------------------------------------------

    def _list_usd(self, s: Setting, k: int, month: int, *, before_payment: bool = False) -> Floats:
        """What the machines of live draws cost at today's prices, ``[path]``."""
        loan = self._loans[k]
        live = slice(max(month - loan.term_months + (not before_payment), 0), month + 1)
        at_order = s.paths.asic_price_factor[:, live]
        return np.asarray((self._drawn[:, live, k] / at_order).sum(axis=1) / loan.advance_share)

    def _cut_to_machines(self, c: Company, month: int) -> None:
        s = self._setting
        units = c.racked_units + c.arriving_units[:, month + 1 :].sum(axis=1)
        for loan in self._loans:
            sharing = [k for k, other in enumerate(self._loans) if other.within(loan)]
            pledged = sum((self._list_usd(s, k, month) for k in sharing), np.zeros(len(units)))
            there = units @ list_prices(loan, s.pairs)
            short = there < pledged * (1 - ROUNDING)
            share = np.divide(there, pledged, out=np.ones_like(there), where=short)
            for k in sharing:
                self._drawn[:, :, k] *= share[:, None]


def _ratio(part: Floats, of: Floats) -> Floats:
    """``part`` of ``of``; 0 where there is nothing."""
    return np.asarray(np.divide(part, of, out=np.zeros_like(of), where=of > 0))


def _named_first(total: Floats, named: Floats, there: Floats) -> Floats:
    """``total`` machines ``[path]`` out of those that are ``there``: in the proportions ``named``, both
    ``[path, pair]``, as far as those go, then of the others alike."""
    taken = np.minimum(named * _ratio(total, named.sum(axis=1))[:, None], there)
    left = there - taken
    return np.asarray(taken + left * _ratio(total - taken.sum(axis=1), left.sum(axis=1))[:, None])
