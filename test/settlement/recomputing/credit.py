"""Prepaid credit: what was bought, how a payable is met by lots or refills them, and what is left (domain 10)."""

from fractions import Fraction

from .exact import ZERO, amount, greatest, least
from .lines import Line, money_line, rounded_line
from .units import value_in

AMOUNTS = ("face", "cost", "remaining", "drawn", "settled", "expired")


class Lot:
    def __init__(self, row):
        for name in AMOUNTS:
            setattr(self, name, Fraction(row[name]))
        self.is_bought, self.is_taken_back, self.expires = row["isBought"], row["isTakenBack"], row["expiresAt"]
        self.rank, self.scope = row["lastDrawn"], f"lot={row['lot']}#{row['no']}"
        self.drawn_met = self.met = Fraction(0)


class Credit:
    """Lots as a statement finds them, in the order of drawing; None of them where there is no credit."""

    def __init__(self, rows, is_drawn, end):
        self.lots = [Lot(row) for row in rows or []]
        self.is_there, self.is_drawn, self.end = rows is not None, is_drawn, end
        self.lines, self.total = [], Fraction(0)

    def good(self):
        return [lot for lot in self.lots if self.is_drawn and (lot.expires is None or lot.expires >= self.end)]

    def refillable(self):
        """Lots that were drawn from, the last drawn first."""
        used = [lot for lot in self.good() if lot.settled > 0]
        return sorted(used, key=lambda lot: lot.rank)[::-1]

    def bought(self):
        return [money_line("CREDIT_BOUGHT", None, cost if lot.is_bought else -cost, lot.scope)
                for lot in self.lots if lot.is_bought != lot.is_taken_back
                for cost in [amount("cost", lot.cost)]]

    def meet(self, contract, payable, closing, bought, state):
        """The lines of meeting a payable, and what of the price stays to be paid in money."""
        before = amount("priceBefore", value_in(state, "CREDIT_PRICE", "", "")) + amount("bought", bought)
        price, released = greatest(before, ZERO), amount("payable", payable)
        in_money = least(greatest(released, ZERO), price)
        to_meet = Line("CREDIT_TO_MEET", None, released - in_money)
        self.lines.append(to_meet)
        for lot in self.lots:
            self.take("CREDIT_DRAWN_MET", lot, None, to_meet, amount("drawn", lot.drawn))
        for lot in self.good():
            self.take("CREDIT_MET", lot, "/credit", to_meet, amount("remaining", lot.remaining))
        for lot in self.refillable():
            open_amount = greatest(amount("met", self.total) - amount("toMeet", to_meet.value), ZERO)
            back = -least(open_amount, amount("settled", lot.settled))
            self.add(money_line("CREDIT_REFILLED", "/credit", back, lot.scope), lot)
        self.lines += [line for lot in self.lots for line in discounts(contract, lot)]
        left = min(price.value - in_money.value, max(closing, 0))
        return [("CREDIT_PRICE", "", "", left)]

    def take(self, code, lot, term, to_meet, most):
        open_amount = greatest(amount("toMeet", to_meet.value) - amount("met", self.total), ZERO)
        self.add(money_line(code, term, least(open_amount, most), lot.scope), lot)

    def add(self, line, lot):
        if line.money == 0:
            return
        self.lines.append(line)
        self.total += line.money
        if line.code == "CREDIT_DRAWN_MET":
            lot.drawn_met += line.money
        else:
            lot.met += line.money

    def left(self):
        return [Line("CREDIT_LEFT", None, amount("remaining", lot.remaining) - amount("met", lot.met), lot.scope)
                for lot in self.lots]


def discounts(contract, lot):
    """So much of a lot's discount as belongs to what was used of it, whole minor units that add up to all of it."""
    met = lot.drawn_met + lot.met
    if met == 0 or lot.face == lot.cost:
        return []
    used = lot.settled + lot.expired
    face = amount("face", lot.face)

    def share(part):
        return (face - amount("cost", lot.cost)) * part / face

    before = share(amount("used", used)).value // contract.minor * contract.minor
    working = share(amount("used", used) + amount("met", met)) - amount("discountBefore", before)
    return [rounded_line("CREDIT_DISCOUNT", None, working, "FLOOR", contract.scale, lot.scope)]
