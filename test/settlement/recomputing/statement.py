"""A statement made again from its facts: totals, configuration, opening, state, conversions, origins and lots."""

from fractions import Fraction

from .activity import Total, grouped
from .contract import Contract, Days
from .credit import Credit
from .earnings import Earnings
from .exact import ZERO, amount, decimal, greatest, least, rate, shared_out, where_at_least, written
from .lines import Line, money_line, rounded_line
from .units import ADOPTED, carried_in, share_in, tidy

#: Kept by the present statement: an advance is one account, whichever period it is recouped from.
KEPT_HERE = ("ADVANCE_EARNED", "ADVANCE_INSTALMENTS")


def conversions_in(described):
    return {(each["from"], each.get("day")): [Fraction(one["rate"]) for one in each["rates"]]
            for each in described.get("conversions", [])}


def state_in(items):
    return [(item["name"], item["scope"], item["key"], Fraction(item["value"])) for item in items]


class Period:
    """What a period earned by, as its own statement or one that settles late items for it states it."""

    def __init__(self, described, currency, scale, partner_kind):
        document = described["configuration"]["document"]
        self.contract = Contract(document, currency, scale, partner_kind)
        self.days, self.state = Days(described["period"]), state_in(described["state"]["opening"])
        self.conversions = conversions_in(described)

    def own(self, totals):
        """Of totals those that the base is made of."""
        return [each for each in totals if not (self.contract.is_late_apart and each.is_late)]


class Origin(Period):
    """A closed period that late items belong to: what was settled for it, and what it comes to with them."""

    def __init__(self, described, late, statement):
        super().__init__(described, statement["currency"], statement["scale"], statement.get("partnerKind", ""))
        self.id = described["period"]["id"]
        totals = self.own([Total(row, self.conversions) for row in described["totals"]])
        before = [Total(row, self.conversions).timely() for row in described["late"]]
        contract = self.contract
        if described["statement"] is None and not described["late"]:
            contract = contract.giving_nothing()
        self.settled = Earnings(contract, totals + before, self.state, self.days)
        again = totals + before + [each.timely() for each in late]
        self.again = Earnings(self.contract, again, self.state, self.days)
        left = [item for item in self.again.state if item[0] not in KEPT_HERE]
        less = [(*item[:3], -item[3]) for item in self.settled.state if item[0] not in KEPT_HERE]
        self.moved = tidy(left + less)
        self.lines = self.changes()

    def changes(self):
        """By how much each line of money changes."""
        def key(line):
            return line.code, line.scope, line.term

        before = grouped([line for line in self.settled.money if line.code != "ADVANCE"], key)
        after = grouped([line for line in self.again.money if line.code != "ADVANCE"], key)
        lines = []
        for code, about, term in {**after, **before}:
            then, now = (each.get((code, about, term), []) for each in (before, after))
            has_moved = sum(line.source for line in now) != sum(line.source for line in then)
            now, then = (sum((line.money for line in each), Fraction(0)) for each in (now, then))
            scope = "; ".join(text for text in (f"origin={self.id}", about) if text)
            line = money_line(code, "/lateItems", amount("again", now) - amount("settled", then), scope)
            if line.money != 0 or has_moved:
                lines.append(line)
        return lines

    def moved_into(self, present):
        """What that moves in what the present statement opens with."""
        for name, scope, key, value in self.moved:
            if name == "CARRY":
                now, then = (window_of(each, scope) for each in (present, self))
                if now is not None and now == then:
                    continue
                key = ADOPTED + key.split("/")[-1]
            yield name, scope, key, value


def window_of(period, scope):
    window = share_in(period.contract, scope)["window"]
    return None if window == "PERIOD" else period.days.window(window)


class Statement(Period):
    """The statement as its facts make it; `published` are the members that follow from them."""

    def __init__(self, stated):
        super().__init__(stated, stated["currency"], stated["scale"], stated.get("partnerKind", ""))
        self.opening = Fraction(stated["opening"])
        contract, elsewhere = self.contract, {}
        if contract.is_late_apart:
            elsewhere = {each["period"]["id"]: conversions_in(each) for each in stated.get("origins", [])}
        self.totals = [Total(row, elsewhere.get(row["originPeriodId"], self.conversions)) for row in stated["totals"]]
        late = grouped([each for each in self.totals if each.is_late], lambda each: each.origin)
        self.origins = [Origin(each, late.get(each["period"]["id"], []), stated) for each in stated.get("origins", [])]
        moved = [item for each in self.origins for item in each.moved_into(self)]
        opened = tidy([*self.state, *moved])
        earned = Earnings(contract, self.own(self.totals), opened, self.days, self.late_of)
        self.credit = Credit(stated["credit"]["lots"] if "credit" in stated else None, "credit" in contract.document,
                             stated["period"]["end"])
        bought = self.credit.bought()
        changed = [line for each in self.origins for line in each.lines]
        money = [*earned.money, *bought, *changed]
        self.earned, self.adjustments = (
            sum((line.money for line in money if line.section == section), Fraction(0))
            for section in ("EARNED", "ADJUSTMENTS"))
        reserve, tranches = self.reserve()
        position, price = self.position(sum((line.money for line in bought), Fraction(0)))
        closing = tidy([*earned.state, *tranches, *price])
        self.lines = [*earned.lines, *bought, *changed, *reserve, *position]
        self.published = self.members(earned.base, opened, closing)

    def late_of(self, scope):
        return sum((each.again.of_group(scope) - each.settled.of_group(scope) for each in self.origins), Fraction(0))

    def reserve(self):
        """Lines of what is held and released, and the tranches that stay."""
        terms, contract = self.contract.reserve, self.contract
        tranches = [(int(key) - 1, value) for name, scope, key, value in self.state
                    if name == "RESERVE" and scope == ""]
        self.released = sum((value for left, value in tranches if left <= 0), Fraction(0))
        kept = [(left, value) for left, value in tranches if left > 0]
        lines, self.held = [], Fraction(0)
        if terms is not None:
            basis = earned = amount("earned", self.earned)
            if terms["of"] == "PAYABLE":
                position = amount("opening", self.opening) + earned + amount("adjustments", self.adjustments)
                basis = position + amount("released", self.released)
            held, minimum = rate("rate", Fraction(terms["rate"])) * greatest(basis, ZERO), contract.payout["minimum"]
            if terms["of"] == "PAYABLE" and Fraction(minimum) != 0:
                held = least(held, greatest(basis - amount("minimumPayout", Fraction(minimum)), ZERO))
            if "maximum" in terms:
                balance = sum((value for _, value in kept), Fraction(0))
                room = amount("maximum", Fraction(terms["maximum"])) - amount("balance", balance)
                held = least(held, greatest(room, ZERO))
            lines.append(rounded_line("RESERVE_HELD", "/reserve", -held, contract.rounding["mode"], contract.scale))
            self.held = -lines[0].money
            kept.append((terms["releaseAfterPeriods"], self.held))
        if self.released != 0:
            pointer = "/reserve/releaseAfterPeriods"
            lines.append(money_line("RESERVE_RELEASED", pointer, amount("released", self.released)))
        return lines, [("RESERVE", "", str(left), value) for left, value in kept]

    def position(self, bought):
        """The last lines: what is released, by what it is met, what is withheld, to whom it goes, what is left."""
        contract, payout, credit = self.contract, self.contract.payout, self.credit
        working = amount("opening", self.opening) + amount("earned", self.earned)
        working = working + amount("adjustments", self.adjustments)
        if self.held != 0 or self.released != 0:
            working = working - amount("reserveHeld", self.held) + amount("reserveReleased", self.released)
        position = money_line("POSITION", None, working)
        before, below = amount("position", position.money), ZERO
        most = sum((lot.settled for lot in credit.refillable()), Fraction(0))
        if payout.get("negative") == "COLLECT":
            below = least(before, ZERO)
        elif most != 0:
            below = -least(greatest(-before, ZERO), amount("refillable", most))
        minimum = amount("minimumPayout", Fraction(payout["minimum"]))
        due = where_at_least(before, minimum, greatest(before, ZERO), below)
        payable = money_line("PAYABLE", "/payout/minimum", due)
        closing = money_line("CLOSING", None, before - amount("payable", payable.money))
        self.payable, self.closing, self.withheld = payable.money, closing.money, Fraction(0)
        lines, price, left = [position, payable], [], amount("payable", payable.money)
        if credit.is_there:
            price = credit.meet(contract, payable.money, closing.money, bought, self.state)
            lines += credit.lines
            left = left - amount("creditMet", credit.total)
        terms = contract.taxes.get("withholding")
        if terms is not None:
            tax = rate("rate", Fraction(terms["rate"])) * greatest(left, ZERO)
            mode = terms.get("rounding", contract.rounding["mode"])
            lines.append(rounded_line("TAX_WITHHELD", "/taxes/withholding", tax, mode, contract.scale))
            self.withheld = lines[-1].money
            left = left - amount("taxWithheld", self.withheld)
        if terms is not None or credit.is_there:
            lines.append(money_line("PAID_OUT", None, left))
        lines += splits(contract, self.payable - credit.total - self.withheld)
        return [*lines, closing, *credit.left()], price

    def members(self, base, opened, closing):
        scale = self.contract.scale

        def lines(several):
            return [line.published(scale) for line in several]

        def state(items):
            return [{"name": name, "scope": scope, "key": key, "value": written(value, scale)}
                    for name, scope, key, value in items]

        found = {
            "hasActivity": any(each.count > 0 for each in self.totals),
            "lines": lines(self.lines),
            "state": {"opening": state(tidy(self.state)), "closing": state(closing)},
            "base": written(base, scale),
            "carryIn": written(Fraction(carried_in(opened)), scale),
            "carryOut": written(Fraction(carried_in(closing)), scale),
        }
        amounts = {"opening": self.opening, "earned": self.earned, "adjustments": self.adjustments,
                   "reserveHeld": self.held, "reserveReleased": self.released, "payable": self.payable,
                   "taxWithheld": self.withheld, "closing": self.closing}
        if self.credit.is_there:
            amounts["creditMet"] = self.credit.total
        if self.origins:
            found["origins"] = [{"settled": lines(each.settled.lines), "lines": lines(each.again.lines)}
                                for each in self.origins]
        return found | {name: decimal(value, scale) for name, value in amounts.items()}


def splits(contract, paid):
    """What each payee gets, by weight and largest remainder."""
    payees, whole = contract.payout.get("splits", []), amount("paidOut", paid)
    if paid <= 0:
        return []
    lines = [Line("SPLIT", f"/payout/splits/{index}", rate("weight", Fraction(each["weight"])) * whole, each["to"])
             for index, each in enumerate(payees)]
    shares = shared_out(int(paid / contract.minor), [line.value / contract.minor for line in lines])
    for line, share in zip(lines, shares):
        line.money, line.rounding = share * contract.minor, {"mode": "FLOOR", "stage": "TOTAL"}
    return lines
