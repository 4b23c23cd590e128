"""What has to hold of a statement's facts before anything is made of them."""

import hashlib
import json
from datetime import date, timedelta
from fractions import Fraction

from .activity import KINDS
from .credit import AMOUNTS
from .contract import Contract, day_end, instant
from .exact import decimal, evaluate, shortest, written

#: Where activity happened.
PLACE = ("brand", "product", "productCategory")


def facts_faults(stated):
    """What of the facts cannot be, in words."""
    document = stated["configuration"]["document"]
    yield from earning_faults(stated, stated, "")
    for index, origin in enumerate(stated.get("origins", [])):
        yield from earning_faults(origin, stated, f"origins/{index}: ")
    is_apart = document["lateItems"] == "ORIGIN_TERMS"
    late = {each["originPeriodId"] for each in stated["totals"] if is_apart} - {None}
    named = [each["period"]["id"] for each in stated.get("origins", [])]
    are_theirs = all(row["originPeriodId"] == each["period"]["id"]
                     for each in stated.get("origins", []) for row in each["late"])
    if sorted(named) != sorted(late) or not are_theirs:
        yield "origins are not those of the late items"
    terms = [stated, *stated.get("origins", [])]
    if "partnerKind" in stated and not any("rules" in each["configuration"]["document"] for each in terms):
        yield "partnerKind is stated, and no rule is told it"
    yield from purchase_faults(stated)
    yield from payment_faults(stated)
    posted = sorted((each["category"], each.get("currency", stated["currency"]), each["sum"])
                    for each in stated["totals"] if each["kind"] == "ADJUSTMENT" and each["category"])
    said = sorted((each["dispute"], each["currency"], each["amount"]) for each in stated.get("corrections", []))
    if posted != said:
        yield "corrections are not the adjustments of disputes"


def earning_faults(described, stated, where):
    """Of what a period earned by: the digest of its terms, its stretch, its kinds, its rates, its lines' formulas."""
    yield from order_faults(described, stated, where)
    document, period = described["configuration"]["document"], described["period"]
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    if hashlib.sha256(canonical).hexdigest() != described["configuration"]["sha256"]:
        yield f"{where}the configuration is not the one that its digest names"
    if not period["cycleStart"] <= period["start"] < period["end"] <= period["cycleEnd"]:
        yield f"{where}the period is not a part of its cycle's stretch"
    for row in [*described["totals"], *described.get("late", [])]:
        if row["kind"].removeprefix("ROLLBACK_") not in KINDS:
            yield f"{where}no term settles {row['kind']}"
        if row["category"] and row["kind"].removeprefix("ROLLBACK_") not in ("FEE", "ADJUSTMENT"):
            yield f"{where}{row['kind']} has no category"
    for index, conversion in enumerate(described.get("conversions", [])):
        if not is_by_terms(conversion, document.get("fx"), period, stated):
            yield f"{where}conversions/{index} is not by the rates that the terms name"
    for name in ("lines", "settled"):
        for index, line in enumerate(described.get(name, [])):
            if not is_evaluated(line):
                yield f"{where}{name}/{index}: {line['formula']} is not {line['result']}"


def is_evaluated(line):
    try:
        return evaluate(line["formula"], line["inputs"]) == Fraction(line["result"])
    except (KeyError, IndexError, ValueError, ZeroDivisionError):
        return False


def is_by_terms(conversion, fx, period, stated):
    """Whether the terms convert that currency, and by rates of that type, source and time."""
    source, rates, day = conversion["from"], conversion["rates"], conversion.get("day")
    if fx is None or fx["to"] != stated["currency"] or source not in fx.get("from", [source]):
        return False
    if (day is not None) != (fx["type"] == "TRANSACTION"):
        return False
    through = instant(period["end"]) if day is None else day_end(day, period["timezone"])
    after = instant(period["start"]) if day is None else through - timedelta(days=7)
    names = [source, *([fx.get("triangulateBy")] if len(rates) == 2 else []), stated["currency"]]
    return all((each["type"], each["source"], each["base"], each["quote"]) == (fx["type"], fx["source"], *pair)
               and after < instant(each["asOf"]) <= through for each, pair in zip(rates, zip(names, names[1:])))


def order_faults(described, stated, where):
    """Facts stand in one order, written in one way: the same facts, the same bytes."""
    scales = {"": stated["scale"]}
    for each in [stated, *stated.get("origins", [])]:
        scales |= {one["from"]: one["scale"] for one in each.get("conversions", [])}
    for name in ("totals", "late"):
        rows = described.get(name, [])
        keys = [row_key(each) for each in rows]
        if keys != sorted(set(keys)):
            yield f"{where}{name} are not in their order"
        for index, row in enumerate(rows):
            scale = scales.get(row.get("currency", ""))
            is_told = ("day" in row) <= ("currency" in row) and len({each in row for each in PLACE}) == 1
            is_told = is_told and ("productGroup" in row) <= ("brand" in row)
            if scale is None or row["sum"] != exact_text(row["sum"], scale) or row["units"] != str(int(row["units"])):
                yield f"{where}{name}/{index} is not written as totals are"
            elif not is_told:
                yield f"{where}{name}/{index} tells apart what the others do not"
    opening = [(each["name"], each["scope"], each["key"]) for each in described["state"]["opening"]]
    values = [each["value"] for each in described["state"]["opening"]]
    if opening != sorted(set(opening), key="\n".join) or values != [written(Fraction(each), stated["scale"]) for each in values]:
        yield f"{where}state/opening is not written as states are"
    if any(each["name"] == "FEE_CHARGED" and each["value"] != written(Fraction(1, 10 ** stated["scale"]), stated["scale"])
           for each in described["state"]["opening"]):
        yield f"{where}a fee was charged once, or not"
    conversions = described.get("conversions", [])
    for each in [one for conversion in conversions for one in conversion["rates"]]:
        if each["rate"] != shortest(Fraction(each["rate"])):
            yield f"{where}the rate {each['rate']} is not written as rates are"
    if [key_of(each, "from") for each in conversions] != sorted(currencies_of(described, stated)):
        yield f"{where}conversions are not those of the currencies of the totals"


def currencies_of(described, stated):
    """What the conversions of a statement, or of an origin in it, are of."""
    if described is not stated:
        late = [each for each in stated["totals"] if each["originPeriodId"] == described["period"]["id"]]
        rows = [*described["totals"], *described["late"], *late]
    else:
        rows = [each for each in stated["totals"] if each["originPeriodId"] is None or not stated.get("origins")]
    return {key_of(each, "currency") for each in rows if "currency" in each}


def key_of(each, name):
    return " ".join([each[name], *([each["day"]] if "day" in each else [])])


def exact_text(text, scale):
    value = Fraction(text)
    return decimal(value, scale) if (value * 10**scale).denominator == 1 else None


def row_key(row):
    """By what a row is told apart from others, as the text that orders them."""
    where = [row.get(name, "") for name in ("brand", "product", "productCategory")]
    told = [row.get(name, "") for name in ("currency", "day", "player", "productGroup")]
    told.append("bonus free" if row.get("isBonusFree") else "")
    while told and told[-1] == "":
        told.pop()
    names = [row["kind"], row["category"], row["originPeriodId"] or "", *where, *told]
    return json.dumps(names, separators=(",", ":"), ensure_ascii=False)


def purchase_faults(stated):
    """The lots that were bought in the period are what was posted of purchases."""
    posted = sum(Fraction(each["sum"]) * (-1 if each["kind"].startswith("ROLLBACK_") else 1)
                 for each in stated["totals"] if each["kind"].endswith("CREDIT_PURCHASE"))
    lots = stated["credit"]["lots"] if "credit" in stated else []
    bought = sum(Fraction(each["face"]) * (each["isBought"] - each["isTakenBack"]) for each in lots)
    is_missing = "credit" not in stated and any(each["kind"].endswith("CREDIT_PURCHASE") for each in stated["totals"])
    if posted != bought or is_missing:
        yield "the lots are not what was bought"
    for index, lot in enumerate(lots):
        held = [Fraction(lot[name]) for name in ("remaining", "drawn", "settled", "expired")]
        if Fraction(lot["face"]) <= 0 or min(held) < 0 or sum(held) > Fraction(lot["face"]):
            yield f"credit/lots/{index} holds what is not of its face"
        if any(lot[name] != exact_text(lot[name], stated["scale"]) for name in AMOUNTS):
            yield f"credit/lots/{index} is not written as amounts are"
    ranks = [(lot["priority"] is None, lot["priority"] or 0, lot["expiresAt"] is None, lot["expiresAt"] or "")
             for lot in lots]
    if ranks != sorted(ranks):
        yield "credit/lots are not in the order of drawing"


def payment_faults(stated):
    """When it is to be paid follows from the terms and the days that are said to have been closed."""
    contract = Contract(stated["configuration"]["document"], stated["currency"], stated["scale"], "")
    after, calendar = contract.payout.get("dueAfterDays"), contract.payout.get("businessDays")
    payment = stated.get("payment")
    if payment is None or after is None:
        if payment is not None or after is not None:
            yield "payment is not that of the terms"
        return
    closed = [date.fromisoformat(day) for day in payment["closedDays"]]
    first, on = date.fromisoformat(payment["from"]), date.fromisoformat(payment["on"])
    in_order = closed == sorted(set(closed)) and all(first <= day < on for day in closed)
    is_so_late = on == first + timedelta(days=after + len(closed))
    is_said = (payment["afterDays"], payment["calendar"]) == (after, calendar)
    if not (in_order and is_so_late and is_said and (calendar is not None or not closed)):
        yield "payment does not follow from the terms"
