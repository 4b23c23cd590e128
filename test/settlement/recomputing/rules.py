"""What the embedded rule is told, what it answers, and where that places the activity."""

from fractions import Fraction
from math import floor

from .activity import base_of, converted, grouped, measure
from .exact import ZERO, decimal, rate
from .expressions import evaluate, passes
from .lines import Line
from .units import parts_of

EACH = {"BRAND": "brand", "CATEGORY": "category", "PRODUCT": "product", "GROUP": "group"}
AMOUNTS = ("turnover", "ggr", "base")


def place_by_rules(contract, totals, days):
    """The rulings by case, and the totals in the group and at the rate that these chose."""
    if contract.rules is None:
        return {}, totals
    each = [name for name in EACH if name in contract.rules.get("each", [])]

    def case_of(total):
        return " ".join(f"{EACH[name]}={(total.place or {}).get(EACH[name], '')}" for name in each)

    def is_asked(total):
        return not total.is_correction and not total.kind.endswith("CREDIT_PURCHASE")

    asked = [total for total in totals if is_asked(total)]
    groups = grouped(asked, case_of)
    if not each and not groups:
        groups[""] = []
    rulings = {}
    for case in sorted(groups):
        place = (groups[case][0].place or {}) if groups[case] else {}
        facts = {
            "partnerKind": contract.partner_kind, "currency": contract.currency, "firstDay": str(days.first),
            "year": days.first.year, "month": days.first.month, "days": days.count,
            **amounts_of(contract, groups[case]), **{EACH[name]: place.get(EACH[name], "") for name in each},
        }
        rulings[case] = {"facts": facts, **asked_of(contract.rules["content"], facts)}
    placed = [placed_by(total, case_of(total), rulings) if is_asked(total) else total for total in totals]
    return rulings, placed


def placed_by(total, case, rulings):
    answer = rulings[case]["answer"]
    other = total.having()
    other.place = {"brand": "", "product": "", "category": "", **(total.place or {})}
    other.place |= {name: answer[name] for name in ("category", "group") if answer.get(name) is not None}
    if "freeRoundStake" in answer:
        other.is_at_face = answer["freeRoundStake"] == "FACE_VALUE"
    if answer["bonusCost"] is not None:
        other.is_bonus_free = not answer["bonusCost"]
    if answer["rate"] is not None:
        other.ruled = (case, Fraction(answer["rate"]))
    return other


def amounts_of(contract, totals):
    """Turnover, GGR and base by the terms that hold without the rule, rounded down."""
    sums = dict.fromkeys(AMOUNTS, Fraction(0))
    for part in parts_of(contract, totals, None):
        _, measures = measure(part.base, part.totals, "")
        _, base = base_of([part], "")
        sums["turnover"] += converted(part.rates, measures["TURNOVER"]).value
        sums["ggr"] += converted(part.rates, measures["GGR"]).value
        sums["base"] += base.value
    minor, scale = contract.minor, contract.scale
    return {name: decimal(floor(value / minor) * minor, scale) for name, value in sums.items()}


def asked_of(content, facts):
    """The answer of the graph, along the one way from its input to its output, and the rows that fired."""
    names = {name: Fraction(value) if name in AMOUNTS or isinstance(value, int) else value
             for name, value in facts.items()}
    fired = []
    node = next(each for each in content["nodes"] if each["type"] == "inputNode")
    while node["type"] != "outputNode":
        way, inside = None, node.get("content", {})
        if node["type"] == "decisionTableNode":
            number, row = next((number, row) for number, row in enumerate(inside["rules"]) if fires(inside, row, names))
            fired.append({"node": node["name"], "row": number + 1, "id": row.get("_id", "")})
            outputs = {each["field"]: evaluate(row[each["id"]], names) for each in inside["outputs"]
                       if row.get(each["id"], "").strip()}
            names = {**(names if inside.get("passThrough") else {}), **outputs}
        elif node["type"] == "expressionNode":
            own = {}
            for each in inside["expressions"]:
                own[each["key"]] = evaluate(each["value"], names, own)
            names = {**(names if inside.get("passThrough") else {}), **own}
        elif node["type"] == "switchNode":
            way = next(each["id"] for each in inside["statements"]
                       if not each["condition"].strip() or evaluate(each["condition"], names))
        edge = next(each for each in content["edges"] if each["sourceId"] == node["id"]
                    and (way is None or each.get("sourceHandle") == way))
        node = next(each for each in content["nodes"] if each["id"] == edge["targetId"])
    answer = {name: names.get(name) for name in ("rate", "group", "bonusCost")}
    if names.get("category") not in (None, facts.get("category")):
        answer["category"] = names["category"]
    if names.get("freeRoundStake") is not None:
        answer["freeRoundStake"] = names["freeRoundStake"]
    return {"answer": answer, "fired": fired}


def fires(table, row, names):
    for column in table["inputs"]:
        cell = row.get(column["id"], "")
        if not cell.strip():
            continue
        holds = passes(cell, names, names.get(column["field"])) if "field" in column else evaluate(cell, names)
        if not holds:
            return False
    return True


def rule_lines(rulings):
    lines = []
    for case, ruling in rulings.items():
        chosen = ruling["answer"]["rate"]
        code, working = ("RULE", ZERO) if chosen is None else ("RULE_RATE", rate("rate", Fraction(chosen)))
        line = Line(code, "/rules", working, case)
        line.is_rate, line.rule = chosen is not None, ruling
        lines.append(line)
    return lines
