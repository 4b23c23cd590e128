"""Checks a statement from outside: reads its payload (JSON, standard input) and nothing else, with exact fractions.

Every formula is computed again from its inputs, every input is traced to the totals, to the configuration, to what the
statement before left or to an earlier line, and every amount to its one rounding. Prints what does not hold, a line
each; exit code 0 where all holds, 1 otherwise. Standard library only; it knows nothing of the server's code.
"""

import hashlib
import json
import re
import sys
from fractions import Fraction
from math import floor

KINDS = {
    "bets": ["BET"], "wins": ["WIN"], "bonuses": ["BONUS"], "bonusBets": ["BONUS_BET"], "bonusWins": ["BONUS_WIN"],
    "jackpotContributions": ["JACKPOT_CONTRIBUTION"], "jackpotWins": ["JACKPOT_WIN"], "chargebacks": ["CHARGEBACK"],
    "adjustments": ["ADJUSTMENT"], "fees": ["FEE", "PLATFORM", "PROVIDER"], "paymentFees": ["FEE", "PAYMENT"],
    "gamingTax": ["FEE", "TAX"], "adminFees": ["FEE", "PLATFORM"], "providerFees": ["FEE", "PROVIDER"],
}
LINES = {
    "turnover": "TURNOVER", "wins": "WINS", "lateItems": "LATE_ITEMS", "ggr": "GGR", "base": "BASE",
    "windowBase": "WINDOW_BASE", "carryIn": "CARRY_IN", "carryOffset": "CARRY_OFFSET", "netBase": "NET_BASE",
    "carryExpired": "CARRY_EXPIRED", "commission": "COMMISSION", "guaranteed": "GUARANTEED", "position": "POSITION",
    "bonusDeduction": "DEDUCTION_BONUS", "jackpotDeduction": "DEDUCTION_JACKPOT_CONTRIBUTION",
    "paymentFeeDeduction": "DEDUCTION_PAYMENT_FEES", "gamingTaxDeduction": "DEDUCTION_GAMING_TAX",
    "chargebackDeduction": "DEDUCTION_CHARGEBACKS", "adminFeeDeduction": "DEDUCTION_ADMIN_FEE",
    "providerFeeDeduction": "DEDUCTION_PROVIDER_FEES", "aggregate": "AGGREGATE", "fencedBase": "FENCED_BASE",
    "playerBase": "PLAYER_BASE", "playerCarryIn": "PLAYER_CARRY_IN", "playerOffset": "PLAYER_OFFSET",
    "playerLoss": "PLAYER_LOSS", "playerFenced": "PLAYER_FENCED", "playerExpired": "PLAYER_EXPIRED",
}
STATE = {
    "baseBefore": "WINDOW_BASE", "settled": "WINDOW_SETTLED", "used": "CAP_USED", "over": "CAP_OVER",
    "released": "RESERVE",
    "guaranteedBefore": "GUARANTEE_DUE", "settledBefore": "GUARANTEE_SETTLED", "priceBefore": "CREDIT_PRICE",
}
MEMBERS = {
    "opening": "opening", "earned": "earned", "adjustments": "adjustments", "reserveHeld": "reserveHeld",
    "reserveReleased": "reserveReleased", "payable": "payable", "taxWithheld": "taxWithheld", "creditMet": "creditMet",
}
TERMS = ["rate", "capRate", "upTo", "minimumPayout", "maximum", "fee", "guarantee", "weight", "playerAtMost",
         "aggregateAtMost"]
UNIT_LINES = ("TURNOVER", "WINS", "LATE_ITEMS", "GGR", "BASE", "BASE_PART", "PLAYER_BASE")
LOT = ["face", "cost", "remaining", "drawn", "settled"]
MET = ("CREDIT_DRAWN_MET", "CREDIT_MET", "CREDIT_REFILLED")
CREDIT_LINES = ("PAYABLE", "CREDIT_BOUGHT", "CREDIT_TO_MEET", "CREDIT_DISCOUNT", "CREDIT_LEFT", *MET)
SUMS = [("EARNED", "earned"), ("ADJUSTMENTS", "adjustments")]
CARRY_INS = ("CARRY_IN", "WINDOW_CARRY_IN", "PLAYER_CARRY_IN", "PLAYER_EXPIRED")
RECOUPED = ["SHARE", "FEE_FIXED", "FEE_PER_TRANSACTION", "FEE_PER_UNIT", "CAP", "TOP_UP"]


def evaluate(formula, inputs):
    """The value of a formula: if a >= b then c else d, + - * /, min, max, brackets, names, numbers."""
    tokens = re.findall(r">=|[A-Za-z]\w*|\d+|[-+*/(),]", formula)

    def take(expected):
        if tokens.pop(0) != expected:
            raise ValueError(formula)

    def choice():
        if tokens[:1] != ["if"]:
            return total()
        take("if")
        left = total()
        take(">=")
        right = total()
        take("then")
        yes = total()
        take("else")
        no = choice()
        return yes if left >= right else no

    def total():
        value = product()
        while tokens and tokens[0] in "+-":
            value = value + product() if tokens.pop(0) == "+" else value - product()
        return value

    def product():
        value = factor()
        while tokens and tokens[0] in "*/":
            value = value * factor() if tokens.pop(0) == "*" else value / factor()
        return value

    def factor():
        token = tokens.pop(0)
        if token == "-":
            return -factor()
        if token in ("min", "max"):
            take("(")
            left = total()
            take(",")
            value = min(left, total()) if token == "min" else max(left, total())
            take(")")
            return value
        if token == "(":
            value = total()
            take(")")
            return value
        return Fraction(token) if token.isdigit() else Fraction(inputs[token])

    value = choice()
    if tokens:
        raise ValueError(formula)
    return value


def rounded(value, mode):
    """A whole number by the mode's name."""
    low = floor(value)
    part = value - low
    up = {
        "FLOOR": False, "CEILING": part > 0, "UP": part > 0 and value > 0, "DOWN": part > 0 and value < 0,
        "HALF_UP": part > Fraction(1, 2) or (part == Fraction(1, 2) and value > 0),
        "HALF_DOWN": part > Fraction(1, 2) or (part == Fraction(1, 2) and value < 0),
        "HALF_EVEN": part > Fraction(1, 2) or (part == Fraction(1, 2) and low % 2 == 1),
    }[mode]
    return low + 1 if up else low


def shared_out(whole, values):
    """Largest remainder: floors, then a unit each to the largest fractions, the earlier first."""
    floors = [floor(value) for value in values]
    order = sorted(range(len(values)), key=lambda index: (floors[index] - values[index], index))
    favoured = set(order[: whole - sum(floors)])
    return [low + (index in favoured) for index, low in enumerate(floors)]


def minor(statement, text):
    return Fraction(text) * 10 ** statement["scale"]


def config_numbers(node):
    """Every number in a part of the configuration."""
    if isinstance(node, dict):
        return {number for child in node.values() for number in config_numbers(child)}
    if isinstance(node, list):
        return {number for child in node for number in config_numbers(child)}
    return {Fraction(node)} if isinstance(node, str) and re.fullmatch(r"-?\d+(\.\d+|/\d+)?", node) else set()


def at(document, pointer):
    for name in pointer.split("/")[1:]:
        document = document.get(name, {}) if isinstance(document, dict) else document[int(name)]
    return document


def apart(statement):
    """Whether late items settle at the terms of their origin, and so are no part of this period's activity."""
    return statement["configuration"]["document"]["lateItems"] == "ORIGIN_TERMS"


def is_about(line, scope, code):
    """Whether a line is of that code and of a scope, or of the unit that a player's scope is a part of."""
    return line["code"] in (code, "WINDOW_" + code) and line["scope"] in (scope, re.sub(r"(^|; )player=\w+$", "", scope))


def is_ruled_whole(statement):
    """Whether the rule set a rate for all there was, apart from tiers over a window: it is one case then."""
    window = statement["configuration"]["document"]["share"].get("window", "PERIOD")
    rates = [line for line in statement["lines"] if line["code"] == "RULE_RATE" and line["scope"] == ""]
    return bool(rates) and window != "PERIOD"


def from_totals(statement, name, line):
    """What the totals say of a name such as lateRolledBackBets; None where it is no such name."""
    scope, bonus = line["scope"], line["code"] == "DEDUCTION_BONUS"
    elsewhere = False
    if is_ruled_whole(statement) and (line["code"] in UNIT_LINES or line["code"].startswith("DEDUCTION_")):
        elsewhere = not scope.startswith("case whole")
        scope = re.sub(r"^case whole(; )?", "", scope)
    late, rest = (True, name[4:]) if name.startswith("late") and name != "lateItems" else (False, name)
    undone = rest.lower().startswith("rolledback")
    rest = rest[10:] if undone else rest
    rest = rest[:1].lower() + rest[1:]
    told = r"(player=(?P<player>\w+))?(; )?(currency=(?P<currency>\w+))?( ?dispute=(?P<dispute>\w+))?"
    parts = re.fullmatch(told, scope)
    told_apart = any("product" in total for total in statement["totals"])
    if rest not in KINDS or not parts or told_apart:
        return None
    if elsewhere:
        return Fraction(0)
    player, currency = parts["player"], parts["currency"]
    kind, *categories = KINDS[rest]
    categories = [parts["dispute"] or ""] if kind == "ADJUSTMENT" else categories
    kind = "ROLLBACK_" + kind if undone else kind
    return sum(
        (worth(statement, total) for total in statement["totals"]
         if total["kind"] == kind and (not categories or total["category"] in categories)
         and (total["originPeriodId"] is not None) == late
         and (total.get("currency") == currency or (currency is None and "day" in total))
         and (player is None or total.get("player") == player)
         and not (bonus and is_bonus_free(statement, total))
         and (total["originPeriodId"] is None or not apart(statement))), Fraction(0))


def worth(statement, total):
    """A total's amount; where each transaction is converted at its day's rate, in the statement's currency."""
    amount = Fraction(total["sum"])
    if "day" in total:
        key = (total["currency"], total["day"])
        rates = next(each["rates"] for each in statement["conversions"] if (each["from"], each.get("day")) == key)
        for rate in rates:
            amount *= Fraction(rate["rate"])
    return amount


def credit_values(statement, name, line, before):
    """Everything that an input of a line about prepaid credit may be: what its lot says, what was met before."""
    lots = statement.get("credit", {}).get("lots", [])
    own = [lot for lot in lots if line["scope"] == f"lot={lot['lot']}#{lot['no']}"]
    amounts = {key: sum(Fraction(lot[key]) for lot in own) for key in (*LOT, "expired")}
    used = amounts["settled"] + amounts["expired"]

    def met(codes, scope=None):
        return sum(Fraction(each["amount"]) for each in before
                   if each["code"] in codes and scope in (None, each["scope"]))

    if name in LOT:
        return {amounts[name]}
    if name == "refillable":
        return {sum(Fraction(lot["settled"]) for lot in lots if is_good(statement, lot))}
    if name == "toMeet":
        return {Fraction(each["result"]) for each in before if each["code"] == "CREDIT_TO_MEET"}
    if name == "met":
        scope = line["scope"] if line["code"] in ("CREDIT_DISCOUNT", "CREDIT_LEFT") else None
        return {met(MET[1:] if line["code"] == "CREDIT_LEFT" else MET, scope)}
    if name == "bought":
        return {met(("CREDIT_BOUGHT",))}
    if name == "used":
        return {used}
    if name == "discountBefore":
        discount = (amounts["face"] - amounts["cost"]) * used / amounts["face"]
        return {Fraction(floor(discount * 10 ** statement["scale"]), 10 ** statement["scale"])}
    return set()


def is_good(statement, lot):
    """Whether statements of the period may draw from a lot and refill it."""
    expires = lot["expiresAt"]
    drawn = "credit" in statement["configuration"]["document"]
    return drawn and (expires is None or expires >= statement["period"]["end"])


def is_bonus_free(statement, total):
    """Whether its bonus cost is not deducted: by the settings of games, or as the rule answered about its part."""
    names = {"brand": "brand", "product": "product", "category": "productCategory", "group": "productGroup"}
    for rule in (line["rule"] for line in statement["lines"] if "rule" in line):
        told = {member: rule["facts"][name] for name, member in names.items() if name in rule["facts"]}
        if rule["answer"]["bonusCost"] is not None and all(total.get(member, "") == told[member] for member in told):
            return not rule["answer"]["bonusCost"]
    return total.get("isBonusFree", False)


def possible_values(statement, name, line, before):
    """Everything that an input of that name may be; None where nothing outside the line says."""
    scope, document = line["scope"], statement["configuration"]["document"]
    stem = re.sub(r"\d+$", "", name)
    found = credit_values(statement, name, line, before) if line["code"] in CREDIT_LINES else set()
    if from_totals(statement, name, line) is not None:
        found.add(from_totals(statement, name, line))
    if stem in LINES:
        found |= {Fraction(each["result"]) for each in before if is_about(each, scope, LINES[stem])}
    if stem == "playerBase" and not found:
        found.add(Fraction(0))
    if stem in ("offset", "fenced", "fencedBefore"):
        codes = {"offset": "PLAYER_OFFSET"}.get(stem, "PLAYER_FENCED")
        parts = [Fraction(each["result"]) for each in before if each["code"] == codes]
        found |= set(parts) if stem == "offset" else {sum(parts[:count]) for count in range(len(parts) + 1)}
    if name in MEMBERS:
        found.add(Fraction(statement.get(MEMBERS[name], 0)))
    if name in ("exchange", "exchange2"):
        rates = [rate for each in statement["conversions"] if scope.endswith("currency=" + each["from"])
                 for rate in each["rates"]]
        found.add(Fraction(rates[name == "exchange2"]["rate"]))
    if line["code"] == "BASE_CONVERTED" and name == "amount":
        found |= {Fraction(each["result"]) for each in before if each["code"] == "BASE_PART" and each["scope"] == scope}
    if stem == "base" and name != stem:
        found |= {Fraction(each["result"]) for each in before if each["code"] in ("BASE_PART", "BASE_CONVERTED")}
    if name == "earned":
        lines = [each for each in before if each["section"] == "EARNED"]  # exact ones, or as they were rounded
        if line["code"] == "ADVANCE":  # recouped from shares and fees, those of late items among them
            late = [each for each in statement["lines"] if each["scope"].startswith("origin=")]
            lines = [each for each in lines + late if each["code"] in RECOUPED]
        found |= {sum(Fraction(each[part] or 0) for each in lines) for part in ("result", "amount")}
    if name in ("carryIn", "playerCarryIn") and line["code"] in CARRY_INS:
        names = ("CARRY", "WINDOW_CARRY") if name == "carryIn" else ("PLAYER_CARRY",)
        items = [item for item in statement["state"]["opening"] if item["scope"] == scope and item["name"] in names]
        carried = {sum(Fraction(item["value"]) for item in items if item["name"] == each) for each in names}
        found |= {each + moved for each in carried for moved in {Fraction(0), moved_by(statement, scope, name)}}
    if name in ("again", "settled") and line["term"] == "/lateItems":
        found.add(late_amount(statement, line, name))
    if stem in TERMS and line["term"] is not None:
        chosen = {Fraction(each["result"]) for each in before if each["code"] == "TIER_RATE"}
        # a rate of a cap or basis stands in the member that the line names; a tier's rate on the line before
        found |= config_numbers(at(document, line["term"])) | (chosen if stem == "rate" else set())
        found |= config_numbers(document["carryOver"]) if name == "capRate" else set()
    if line["code"] == "RULE_RATE":
        found = {Fraction(line["rule"]["answer"]["rate"])}
    elif line["term"] == "/rules" and name == "rate":
        found = {Fraction(each["rule"]["answer"]["rate"]) for each in before if each["code"] == "RULE_RATE"}
    if name in STATE and line["term"] != "/lateItems" and (name == "released" or not statement.get("origins")):
        items = [item for item in statement["state"]["opening"] if item["name"] == STATE[name]]
        found |= {Fraction(0)} | {Fraction(item["value"]) for item in items}
        found.add(sum((Fraction(item["value"]) for item in items if item["key"] == "1"), Fraction(0)))
    return found or None


def late_amount(statement, line, name):
    """What an origin came to on such a line, before this statement's late items or with them."""
    origin, _, scope = line["scope"].partition("; ")
    lines = next(each for each in statement["origins"] if each["period"]["id"] == origin[7:])[
        "lines" if name == "again" else "settled"]
    return sum((Fraction(each["amount"]) for each in lines if each["amount"] is not None
                and each["code"] == line["code"] and each["scope"] == scope), Fraction(0))


def moved_by(statement, scope, name):
    """By how much late items change what their origins carried out."""
    code = "CARRY_OUT" if name == "carryIn" else "PLAYER_CARRY_OUT"
    def carried(lines):
        return sum(Fraction(each["result"]) for each in lines if each["code"] == code and each["scope"] == scope)
    return sum((carried(each["lines"]) - carried(each["settled"]) for each in statement.get("origins", [])), Fraction(0))


def check_origins(statement):
    """Each origin is computed again, without and with the late items of this statement, by its own terms."""
    for origin in statement.get("origins", []):
        late = [each for each in statement["totals"] if each["originPeriodId"] == origin["period"]["id"]]
        for name, totals in (("settled", origin["late"]), ("lines", origin["late"] + late)):
            timely = [{**each, "originPeriodId": None} for each in totals]
            again = {**statement, "origins": [], "lines": origin[name], "totals": origin["totals"] + timely,
                     "configuration": origin["configuration"], "state": origin["state"],
                     "conversions": origin.get("conversions", [])}
            for fault in [*check_lines(again), *check_rounding(again)]:
                yield f"origin {origin['period']['id']} {name}: {fault}"


def check(statement):
    """What does not hold, in words."""
    yield from check_lines(statement)
    yield from check_origins(statement)
    yield from check_rounding(statement)
    yield from check_identity(statement)


def check_lines(statement):
    """Each line follows from its inputs, each input from what stands before it."""
    document, lines = statement["configuration"]["document"], statement["lines"]
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    if hashlib.sha256(canonical).hexdigest() != statement["configuration"]["sha256"]:
        yield "the configuration is not the one that its digest names"
    for index, line in enumerate(lines):
        where = f"line {index} {line['code']}"
        if evaluate(line["formula"], line["inputs"]) != Fraction(line["result"]):
            yield f"{where}: {line['formula']} is not {line['result']}"
        for name, value in line["inputs"].items():
            values = possible_values(statement, name, line, lines[:index])
            if values is not None and Fraction(value) not in values:
                yield f"{where}: {name} is not {value}"


def check_rounding(statement):
    """Each amount is its result, rounded as the line says; shares of a total by largest remainder."""
    together = {}
    for line in statement["lines"]:
        rounding = line["rounding"]
        if line["amount"] is None:
            continue
        if rounding is not None and rounding["stage"] == "TOTAL":
            together.setdefault(line["code"] == "SPLIT", []).append(line)
            continue
        value = minor(statement, line["result"])
        step = 10 ** (statement["scale"] - (rounding or {}).get("scale", statement["scale"]))
        whole = value if rounding is None else rounded(value / step, rounding["mode"]) * step
        if whole != minor(statement, line["amount"]):
            yield f"{line['code']}: {line['result']} is not rounded to {line['amount']}"
    for lines in together.values():
        rounding = lines[0]["rounding"]
        step = 10 ** (statement["scale"] - rounding.get("scale", statement["scale"]))
        values = [minor(statement, line["result"]) / step for line in lines]
        parts = [part * step for part in shared_out(rounded(sum(values), rounding["mode"]), values)]
        if parts != [minor(statement, line["amount"]) for line in lines]:
            yield f"the amounts of {', '.join(line['code'] for line in lines)} do not share their rounded sum"


def check_identity(statement):
    """Sums of lines, the identity of the position, and the payout rule."""
    value = {name: Fraction(statement.get(name, 0)) for name in [*MEMBERS.values(), "closing", "carryOut", "base"]}
    met = sum(Fraction(line["amount"]) for line in statement["lines"] if line["code"] in MET)
    if value["creditMet"] != met:
        yield f"creditMet is {met}"
    for section, member in SUMS:
        found = sum(Fraction(line["amount"]) for line in statement["lines"]
                    if line["section"] == section and line["amount"] is not None)
        if found != value[member]:
            yield f"{member} is {found}"
    position = value["opening"] + value["earned"] + value["adjustments"] - value["reserveHeld"] + value["reserveReleased"]
    if value["closing"] != position - value["payable"]:
        yield f"closing is {position - value['payable']}"
    payout = statement["configuration"]["document"]["payout"]
    if not statement["configuration"]["document"].get("overrides"):
        minimum, collects = Fraction(payout["minimum"]), payout.get("negative") == "COLLECT"
        lots = statement.get("credit", {}).get("lots", [])
        refill = -min(max(-position, 0), sum(Fraction(lot["settled"]) for lot in lots if is_good(statement, lot)))
        due = position if (position > 0 and position >= minimum) or (position < 0 and collects) else refill
        if value["payable"] != due:
            yield f"payable is {due}"
    names = ("CARRY", "PLAYER_CARRY")
    carried = sum(Fraction(item["value"]) for item in statement["state"]["closing"] if item["name"] in names)
    if carried != value["carryOut"]:
        yield f"carryOut is {carried}"
    for name, codes in (("base", ["BASE"]), ("carryOut", ["CARRY_OUT", "PLAYER_CARRY_OUT"])):
        stated = [Fraction(line["result"]) for line in statement["lines"] if line["code"] in codes]
        if stated and sum(stated) != value[name]:
            yield f"{name} is {sum(stated)}"


if __name__ == "__main__":
    faults = [fault for statement in json.load(sys.stdin) for fault in check(statement)]
    print("\n".join(faults))
    sys.exit(1 if faults else 0)
