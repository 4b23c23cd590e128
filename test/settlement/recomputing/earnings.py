"""What a period earns by a contract, all of it rounded (domain 5 to 9): shares, fees, caps, guarantee, tax, dues."""

from fractions import Fraction

from .activity import (BOTH, CONTRIBUTIONS, JACKPOT_WINS, Kind, base_of, converted, grouped, has_any, measure, off,
                       sum_of)
from .contract import unit_scope
from .exact import ONE, ZERO, amount, greatest, rate, rounded, shared_out
from .lines import Line, money_line, rounded_line
from .rules import place_by_rules, rule_lines
from .share import fence_players, share_of
from .units import adopted, units_of, value_in

FEE_CODES = {"FIXED": "FEE_FIXED", "PER_TRANSACTION": "FEE_PER_TRANSACTION", "PER_UNIT": "FEE_PER_UNIT"}
#: What posting owed already, whatever the share.
DUES = [
    ("JACKPOT_CONTRIBUTIONS", CONTRIBUTIONS), ("JACKPOT_WINS", JACKPOT_WINS),
    ("FEES", Kind("FEE", "fees", ("PLATFORM", "PROVIDER"))), ("ADJUSTMENTS", Kind("ADJUSTMENT", "adjustments", ("",))),
]


class Piece:
    """A share or a fee with the lines around it, whose it is, and what persists once it is rounded."""

    def __init__(self, owner, before, money, after, is_share, state_after):
        self.owner, self.before, self.money, self.after = owner, before, money, after
        self.is_share, self.state_after = is_share, state_after


class Group:
    """What caps and guarantee are of: an override that has such of its own, or all the rest."""

    def __init__(self, contract, state, days, owner, pieces):
        self.state, self.days, self.pieces = state, days, pieces
        self.scope = "" if owner is None else owner.text
        self.guarantee = contract.guarantee if owner is None else owner.guarantee
        self.lines, self.earning, self.kept = [], [each.money for each in pieces if each.money is not None], []
        share = sum((each.money.value for each in pieces if each.is_share and each.money is not None), Fraction(0))
        for cap in (contract.caps if owner is None else owner.caps) or []:
            self.cap(cap, share)
        self.top_up_state = lambda _: []
        if self.guarantee is not None and self.guarantee["kind"] != "RECOUPABLE_ADVANCE":
            self.top_up(self.guarantee)

    @property
    def exact(self):
        return sum((line.value for line in self.earning), Fraction(0))

    @property
    def money(self):
        return sum((line.money for line in self.earning), Fraction(0))

    def cap(self, cap, share):
        name, value = ("share", share) if cap["of"] == "SHARE" else ("earned", self.exact)
        owner = "; ".join(text for text in (self.scope, cap["of"]) if text)
        key = self.days.window(cap["window"])
        used, over = (value_in(self.state, each, owner, key) for each in ("CAP_USED", "CAP_OVER"))
        counted = amount("used", used) if over == 0 else amount("used", used) + amount("over", over)
        excess = greatest(counted + amount(name, value) - amount("maximum", Fraction(cap["maximum"])), ZERO)
        line = Line("CAP", cap["pointer"], -excess if over == 0 else amount("over", over) - excess, owner)
        if line.value != 0:
            self.lines.append(line)
            self.earning.append(line)
        if cap["window"] != "PERIOD":
            self.kept += [("CAP_USED", owner, key, used + value + line.value), ("CAP_OVER", owner, key, excess.value)]

    def top_up(self, terms):
        floor = amount("guarantee", Fraction(terms["amount"]))
        if terms["prorate"] == "DAYS":
            floor = floor * rate("days", self.days.count) / rate("wholeDays", self.days.whole)
        line = Line("GUARANTEED", terms["pointer"], floor, self.scope)
        earned, floor = amount("earned", self.exact), amount("guaranteed", line.value)
        if terms["kind"] == "FLOOR":
            due = greatest(floor - earned, ZERO)
        else:
            key = self.days.window(terms["window"])
            names = ("GUARANTEE_EARNED", "GUARANTEE_DUE", "GUARANTEE_SETTLED")
            before = [value_in(self.state, name, self.scope, key) for name in names]
            all_earned = amount("earnedBefore", before[0]) + earned
            all_due = amount("guaranteedBefore", before[1]) + floor
            due = greatest(all_earned, all_due) - amount("settledBefore", before[2]) - earned
            self.top_up_state = lambda paid: [
                (name, self.scope, key, value)
                for name, value in zip(names, (all_earned.value, all_due.value, before[2] + paid))]
        self.earning.append(Line("TOP_UP", terms["pointer"], due, self.scope))
        self.lines += [line, self.earning[-1]]

    def advance(self, late):
        """Once all is rounded: the advance given or recouped (None: none), and what persists of the group."""
        before = [value_in(self.state, name, self.scope, "") for name in ("ADVANCE_INSTALMENTS", "ADVANCE_EARNED")]
        outstanding = max(before[0] - before[1], Fraction(0))
        state = [item for each in self.pieces for item in each.state_after(each.money.money if each.money else 0)]
        state += [*self.kept, *self.top_up_state(self.money)]
        terms = self.guarantee if self.guarantee and self.guarantee["kind"] == "RECOUPABLE_ADVANCE" else None
        if terms is None and outstanding == 0:
            return None, state
        instalments = before[0]
        if terms is not None:
            fallen = [Fraction(each["amount"]) for each in terms["instalments"] if each["on"] <= str(self.days.next)]
            instalments = max(sum(fallen, Fraction(0)), before[0])
        earned = amount("earnedBefore", before[1]) + amount("earned", self.money + late)
        left = greatest(amount("instalments", instalments) - earned, ZERO)
        pointer = None if self.guarantee is None else self.guarantee["pointer"]
        line = money_line("ADVANCE", pointer, left - amount("outstanding", outstanding), self.scope)
        kept = {"ADVANCE_INSTALMENTS": instalments, "ADVANCE_EARNED": earned.value}
        state += [(name, self.scope, "", value) for name, value in kept.items()]
        return line, state


class Earnings:
    """The lines of some activity, those that are money, its base, and by group what it came to and what persists."""

    def __init__(self, contract, totals, state, days, late_of=lambda scope: Fraction(0)):
        self.rulings, totals = place_by_rules(contract, totals, days)
        shares, self.base = shares_of(contract, totals, state, days)
        pieces = shares + fees_of(contract, totals, state, days)
        owners = [each for each in contract.overrides if each.is_group] + [None]
        self.groups = [Group(contract, state, days, owner, [each for each in pieces if group_owner(each) is owner])
                       for owner in owners]
        lines = [line for each in pieces for line in [*each.before, *([each.money] if each.money else []), *each.after]]
        lines += [line for group in self.groups for line in group.lines] + true_ups(contract, totals)
        earned = [line for line in lines if line.section == "EARNED"]
        round_together(contract, earned)
        advances = [group.advance(late_of(group.scope)) for group in self.groups]
        self.state = [item for _, items in advances for item in items]
        alone = vat_lines(contract, sum((group.money for group in self.groups), Fraction(0)))
        alone += [line for line, _ in advances if line is not None] + due_lines(contract, totals)
        self.lines = [*rule_lines(self.rulings), *lines, *apart_jackpots(contract, totals), *alone]
        self.money = earned + alone

    def of_group(self, scope):
        return sum((group.money for group in self.groups if group.scope == scope), Fraction(0))


def group_owner(piece):
    return piece.owner if piece.owner is not None and piece.owner.is_group else None


def shares_of(contract, totals, state, days):
    units = units_of(contract, totals, state)
    kept = adopted(state, units)
    pieces, base_sum = [], Fraction(0)
    for unit in units:
        lines, base = base_of(unit.parts, unit.scope)
        base_sum += base.value
        own = [item for item in kept if unit_scope(item[1]) == unit.scope]
        before, fenced, after, fenced_state = fence_players(contract, unit, own, days, base)
        shared = share_of(contract, unit, kept, days, fenced)
        around = [*lines, *before, *shared.before], shared.share, [*after, *shared.after]
        pieces.append(Piece(unit.override, *around, True,
                            lambda paid, held=fenced_state, then=shared.state_after: [*held, *then(paid)]))
    return pieces, base_sum


def fees_of(contract, totals, state, days):
    owned = grouped(totals, lambda each: contract.most_specific(each, "fees"))
    pieces = []
    for owner in [None, *(each for each in contract.overrides if each.fees is not None)]:
        mine = owned.get(owner, [])
        for terms in contract.fees if owner is None else owner.fees:
            scope = "; ".join([*([] if owner is None else [owner.text]), terms["name"]])
            fee, kept = amount("fee", Fraction(terms["amount"])), []
            if terms["kind"] == "FIXED":
                key = days.window(terms["per"])
                due = fee if value_in(state, "FEE_CHARGED", scope, key) == 0 else ZERO
                kept = [("FEE_CHARGED", scope, key, contract.minor)]
            elif terms["kind"] == "PER_TRANSACTION":
                due = fee * rate("transactions", counted(mine, terms["kinds"], lambda each: each.count))
            else:
                due = fee * rate("units", counted(mine, terms["kinds"], lambda each: each.units))
            due = -due if terms["payer"] == "PARTNER" else due
            line = Line(FEE_CODES[terms["kind"]], terms["pointer"], due, scope)
            pieces.append(Piece(owner, [], line, [], False, lambda _, state=kept: state))
    return pieces


def counted(totals, kinds, what):
    undone = [f"ROLLBACK_{kind}" for kind in kinds]
    return sum(what(each) * ((each.kind in kinds) - (each.kind in undone)) for each in totals)


def round_together(contract, lines):
    """The one rounding: each line by itself, or their sum once, shared out by largest remainder."""
    mode, stage = contract.rounding["mode"], contract.rounding["stage"]
    step = Fraction(1, 10 ** min(contract.rounding.get("scale", contract.scale), contract.scale))
    values = [line.value / step for line in lines]
    if stage == "LINE":
        steps = [rounded(value, mode) for value in values]
    else:
        steps = shared_out(rounded(sum(values, Fraction(0)), mode), values)
    for line, count in zip(lines, steps):
        line.money, line.rounding = count * step, contract.rounding


def vat_lines(contract, earned):
    terms = contract.taxes.get("vat")
    if terms is None:
        return []
    part, whole, mode = rate("rate", Fraction(terms["rate"])), amount("earned", earned), contract.rounding["mode"]
    if terms["treatment"] == "ADDED":
        return [rounded_line("VAT", "/taxes/vat", part * whole, mode, contract.scale)]
    inside = rounded_line("VAT", "/taxes/vat", whole * part / (ONE + part), mode, contract.scale)
    return [inside, money_line("VAT_INCLUDED", "/taxes/vat", -amount("vat", inside.money))]


def source_of(totals, part):
    """What of a part was posted in its own currency, less what was rolled back."""
    found = [each for each in totals if part.categories is None or each.category in part.categories]
    return sum(each.sum * ((each.kind == part.kind) - (each.kind == f"ROLLBACK_{part.kind}")) for each in found)


def by_currency(totals):
    """(scope, rates, totals) for each currency; the statement's own first, and always."""
    groups = {"": [], **grouped(totals, lambda each: each.currency)}
    for currency in sorted(groups):
        own = groups[currency]
        rates = own[0].rates if currency and own[0].day is None else []
        yield currency, rates, own


def true_ups(contract, totals):
    terms = contract.jackpots.get("contribution", {})
    if terms.get("source") != "RATE" or contract.jackpots["settlement"] == "SEPARATE":
        return []
    lines = []
    for currency, rates, own in by_currency(totals):
        _, measures = measure(contract.base, own, "")
        due = rate("rate", Fraction(terms["rate"])) * greatest(measures[terms["basis"]["measure"]], ZERO)
        missing = due - amount("jackpotContributions", sum_of(own, BOTH, [CONTRIBUTIONS]).value)
        scope = currency and f"currency={currency}"
        lines.append(Line("JACKPOT_TRUE_UP", "/jackpots/contribution", converted(rates, missing), scope))
    return lines


def apart_jackpots(contract, totals):
    if contract.jackpots.get("settlement") != "SEPARATE":
        return []
    parts = [CONTRIBUTIONS] if contract.base["jackpotWins"] == "INCLUDED" else [CONTRIBUTIONS, off(JACKPOT_WINS)]
    pointer = "/jackpots/settlement"
    return [Line("JACKPOTS_SEPARATE", pointer, sum_of(own, BOTH, parts), currency and f"currency={currency}")
            for currency, _, own in by_currency(totals) if has_any(own, BOTH, parts)]


def due_lines(contract, totals):
    is_apart = contract.jackpots.get("settlement") == "SEPARATE"
    dues = [(code, part) for code, part in DUES if not (is_apart and code.startswith("JACKPOT_"))
            and not (code == "JACKPOT_WINS" and contract.base["jackpotWins"] == "INCLUDED")]
    lines = []
    for currency, rates, own in by_currency(totals):
        scope = currency and f"currency={currency}"
        mine = [(code, part, scope) for code, part in dues if has_any(own, BOTH, [part])]
        for dispute in sorted({each.category for each in own if each.is_correction}):
            told = f"{scope} dispute={dispute}" if scope else f"dispute={dispute}"
            mine.append(("ADJUSTMENTS", Kind("ADJUSTMENT", "adjustments", (dispute,)), told))
        for code, part, about in mine:
            due = sum_of(own, BOTH, [part])
            due = -due if code == "JACKPOT_WINS" else due
            if currency == "":
                lines.append(money_line(code, None, due, about))
            else:
                mode = contract.rounding["mode"]
                lines.append(rounded_line(code, "/fx", converted(rates, due), mode, contract.scale, about))
                lines[-1].source = source_of(own, part)
    return lines
