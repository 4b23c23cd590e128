"""Totals of a statement, the sums that terms name, and the base that they make (domain 2 to 4)."""

from fractions import Fraction
from typing import NamedTuple

from .exact import ZERO, amount, greatest, least, rate
from .lines import Line

#: Kinds that a term settles, and with ROLLBACK_ before them what was rolled back.
KINDS = {"BET", "WIN", "BONUS", "BONUS_BET", "BONUS_WIN", "JACKPOT_CONTRIBUTION", "JACKPOT_WIN", "FEE",
         "CREDIT_PURCHASE", "CREDIT_DRAWDOWN", "ADJUSTMENT", "CHARGEBACK", "ACQUISITION"}


class Kind(NamedTuple):
    """A kind as it enters a sum: of some fee categories, of stakes at face value or not (None: of any), or taken off."""

    kind: str
    name: str
    categories: tuple | None = None
    is_at_face: bool | None = None
    is_off: bool = False


BETS, WINS = Kind("BET", "bets"), Kind("WIN", "wins")
BONUSES, JACKPOT_WINS = Kind("BONUS", "bonuses"), Kind("JACKPOT_WIN", "jackpotWins")
CONTRIBUTIONS = Kind("JACKPOT_CONTRIBUTION", "jackpotContributions")
#: A free round at face value is a stake of that cost and a win, one at zero a cost of what it won.
FACE_BETS, FACE_WINS = Kind("BONUS_BET", "bonusBets", None, True), Kind("BONUS_WIN", "bonusWins", None, True)
STAKES, WINNINGS = [BETS, FACE_BETS], [WINS, FACE_WINS]
BONUS_COST = [BONUSES, FACE_WINS._replace(is_at_face=False), FACE_BETS]
DEDUCTED = {
    "BONUS": "bonusDeduction", "JACKPOT_CONTRIBUTION": "jackpotDeduction", "PAYMENT_FEES": "paymentFeeDeduction",
    "GAMING_TAX": "gamingTaxDeduction", "CHARGEBACKS": "chargebackDeduction", "ADMIN_FEE": "adminFeeDeduction",
    "PROVIDER_FEES": "providerFeeDeduction",
}
OF_TYPE = {
    "JACKPOT_CONTRIBUTION": CONTRIBUTIONS, "CHARGEBACKS": Kind("CHARGEBACK", "chargebacks"),
    "PAYMENT_FEES": Kind("FEE", "paymentFees", ("PAYMENT",)), "GAMING_TAX": Kind("FEE", "gamingTax", ("TAX",)),
    "ADMIN_FEE": Kind("FEE", "adminFees", ("PLATFORM",)), "PROVIDER_FEES": Kind("FEE", "providerFees", ("PROVIDER",)),
}


class Total:
    """One row of a statement's totals, with the rates that its currency is converted by."""

    def __init__(self, row, conversions):
        self.kind, self.category, self.origin = row["kind"], row["category"], row["originPeriodId"]
        self.count, self.units, self.sum = row["count"], int(row["units"]), Fraction(row["sum"])
        self.currency, self.day, self.player = row.get("currency", ""), row.get("day"), row.get("player")
        self.rates = conversions.get((self.currency, self.day), []) if self.currency else []
        self.is_bonus_free = row.get("isBonusFree", False)
        self.ruled = self.is_at_face = None
        names = {"brand": "brand", "product": "product", "category": "productCategory", "group": "productGroup"}
        place = {name: row[member] for name, member in names.items() if member in row}
        self.place = place or None

    @property
    def is_late(self):
        return self.origin is not None

    @property
    def is_foreign(self):
        """Whether sums of it stand in another currency than the statement's."""
        return self.currency != "" and self.day is None

    @property
    def worth(self):
        """Its sum, in the statement's currency where each transaction is converted."""
        value = self.sum
        for each in self.rates if self.day is not None else []:
            value *= each
        return value

    @property
    def is_correction(self):
        return self.kind == "ADJUSTMENT" and self.category != ""

    def timely(self):
        """The same, as if it had not come late."""
        return self.having(origin=None)

    def having(self, **changes):
        other = object.__new__(Total)
        other.__dict__.update(self.__dict__, **changes)
        return other


def grouped(items, key):
    groups = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def pieces_of(totals, is_late, part):
    for undone in (False, True):
        kind = "ROLLBACK_" + part.kind if undone else part.kind
        found = [each for each in totals if each.kind == kind and each.is_late == is_late
                 and part.is_at_face in (None, each.is_at_face)
                 and (part.categories is None or each.category in part.categories)]
        words = [*(["late"] if is_late else []), *(["rolledBack"] if undone else []), part.name]
        named = words[0] + "".join(word[0].upper() + word[1:] for word in words[1:])
        sum_of_them = sum((each.worth for each in found), Fraction(0))
        yield any(each.count > 0 for each in found), part.is_off != undone, amount(named, sum_of_them)


def sum_of(totals, times, parts):
    """Some kinds less what was rolled back; the first is always named, others where any occurred."""
    (_, _, working), *others = [piece for time in times for part in parts for piece in pieces_of(totals, time, part)]
    for occurred, is_off, piece in others:
        if occurred:
            working = working - piece if is_off else working + piece
    return working


OWN, LATE, BOTH = (False,), (True,), (False, True)


def has_any(totals, times, parts):
    return any(occurred for time in times for part in parts for occurred, _, _ in pieces_of(totals, time, part))


def off(part):
    return part._replace(is_off=True)


def valued(base, totals):
    """Whether the base counts stakes at face value, and totals that say for themselves whether theirs do."""
    is_at_face = base["freeRoundStake"] == "FACE_VALUE"
    return is_at_face, [each.having(is_at_face=is_at_face) if each.is_at_face is None else each for each in totals]


def measure(base, totals, scope):
    """Lines, and turnover and GGR ready to stand in a formula."""
    is_at_face, totals = valued(base, totals)
    winnings = [*WINNINGS, JACKPOT_WINS] if base["jackpotWins"] == "INCLUDED" else WINNINGS
    turnover, wins = sum_of(totals, OWN, STAKES), sum_of(totals, OWN, winnings)

    def late(parts):
        return sum_of(totals, LATE, parts) if has_any(totals, LATE, parts) else None

    def plus_late(own, name, working):
        return own if working is None else own + amount(name, working.value)

    came_late = late([*STAKES, *(off(part) for part in winnings)])
    named = amount("turnover", turnover.value)
    ggr = plus_late(named - amount("wins", wins.value), "lateItems", came_late)
    is_ruled = any(each.is_at_face != is_at_face for each in totals)
    stake = "/rules" if is_ruled else f"{base['pointer']}/freeRoundStake"
    lines = [Line("TURNOVER", stake, turnover, scope), Line("WINS", stake, wins, scope)]
    if came_late is not None:
        lines.append(Line("LATE_ITEMS", "/lateItems", came_late, scope))
    lines.append(Line("GGR", f"{base['pointer']}/measure", ggr, scope))
    measures = {"TURNOVER": plus_late(named, "lateTurnover", late(STAKES)), "GGR": amount("ggr", ggr.value)}
    return lines, measures


def deductions_of(base, totals, measures, scope):
    """A line for each deduction and its amount by name, in the order of the list."""
    taken = []

    def of_basis(name, terms):
        basis = measures[terms["basis"]["measure"]]
        for kind, _, named in taken:
            if kind in terms["basis"].get("less", []):
                basis = basis - named
        return rate(name, Fraction(terms["rate"])) * greatest(basis, ZERO)

    for index, terms in enumerate(base.get("deductions", [])):
        kind = terms["type"]
        if terms["source"] == "RATE":
            cost = of_basis("rate", terms)
        elif kind == "BONUS":
            _, counted = valued(base, [each for each in totals if not each.is_bonus_free])
            cost = sum_of(counted, BOTH, BONUS_COST)
        else:
            cost = sum_of(totals, BOTH, [OF_TYPE[kind]])
        if "cap" in terms:
            cost = least(cost, of_basis("capRate", terms["cap"]))
        before = sum(each[0] == kind for each in taken)
        name = DEDUCTED[kind] + (str(before + 1) if before else "")
        line = Line(f"DEDUCTION_{kind}", f"{base['pointer']}/deductions/{index}", cost, scope)
        taken.append((kind, line, amount(name, cost.value)))
    return taken


def camel(kind):
    first, *others = kind.lower().split("_")
    return first + "".join(word.capitalize() for word in others)


def custom_base(base, totals):
    working = ZERO
    for index, part in enumerate(base["components"]):
        own = [each for each in totals if not each.is_correction]
        kind_sum = sum_of(own, BOTH, [Kind(part["kind"], camel(part["kind"]))])
        piece = rate(f"rate{index + 1}", Fraction(part["rate"])) * kind_sum
        working = working - piece if part["sign"] == "MINUS" else working + piece
    return working


class Part:
    """Activity that shares one base's terms, in one currency."""

    def __init__(self, base, totals, currency="", rates=()):
        self.base, self.totals, self.currency, self.rates = base, totals, currency, rates

    def of_player(self, player):
        return Part(self.base, [each for each in self.totals if each.player == player], self.currency, self.rates)

    def scope(self, unit):
        return "; ".join(text for text in (unit, self.currency and f"currency={self.currency}") if text)

    def worked_out(self, unit):
        """The lines that lead to its base, and the base, in its currency."""
        scope = self.scope(unit)
        if self.base["measure"] == "CUSTOM":
            return [], custom_base(self.base, self.totals)
        lines, measures = measure(self.base, self.totals, scope)
        taken = deductions_of(self.base, self.totals, measures, scope)
        working = measures["TURNOVER" if self.base["measure"] == "TURNOVER" else "GGR"]
        for _, _, named in taken:
            working = working - named
        return lines + [line for _, line, _ in taken], working


def converted(rates, working):
    """A working over sums of another currency, as the statement's."""
    for index, each in enumerate(rates):
        working = working * rate("exchange" if index == 0 else "exchange2", each)
    return working


def base_of(parts, unit):
    """The lines of a unit's base, and the base by its name."""
    lines = []
    if len(parts) == 1 and not parts[0].currency:
        lines, working = parts[0].worked_out(unit)
        lines = [*lines, Line("BASE", parts[0].base["pointer"], working, unit)]
        return lines, amount("base", working.value)
    named = []
    for part in parts:
        own_lines, working = part.worked_out(unit)
        scope = part.scope(unit)
        lines += [*own_lines, Line("BASE_PART", part.base["pointer"], working, scope)]
        if part.currency:
            working = converted(part.rates, amount("amount", working.value))
            lines.append(Line("BASE_CONVERTED", "/fx", working, scope))
        named.append(amount(f"base{len(named) + 1}", working.value))
    working = named[0]
    for each in named[1:]:
        working = working + each
    return [*lines, Line("BASE", None, working, unit)], amount("base", working.value)
