"""Activity that is shared, and carries, for itself: by overrides, by what a rule chose, by what carries apart."""

from .activity import Part, grouped
from .contract import player_scope, unit_scope

UNIT_STATE = {"CARRY", "PLAYER_CARRY", "WINDOW_CARRY", "WINDOW_BASE", "WINDOW_SETTLED"}
#: Before the key of a carry that was another unit's: it counts in a window that is open already.
ADOPTED = "adopted/"


class Unit:
    def __init__(self, scope, override, parts, share):
        self.scope, self.override, self.parts, self.share = scope, override, parts, share


def units_of(contract, totals, state):
    """The rest first, then each override with a share and each case that a rule chose a rate for."""
    groups = grouped(totals, lambda each: scope_of(contract, each))
    scopes = {"", *groups, *(unit_scope(scope) for name, scope, _, _ in state if name in UNIT_STATE)}
    scopes |= {each.text for each in contract.overrides if each.share is not None and each.guarantee is not None}
    units = []
    for scope in sorted(scopes):
        group = groups.get(scope, [])
        first = contract.most_specific(group[0], "share") if group else None
        override = first or contract.named(scope)
        is_apart = is_carried_apart(contract, scope) or is_case(contract, scope)
        if not group and override is None and scope != "" and not is_apart:
            continue
        share = share_at(contract, scope, override)
        if group and group[0].ruled is not None:
            chosen = [(None, group[0].ruled[1])]
            share = {"pointer": "/rules", "mode": "SLAB", "window": "PERIOD", "brackets": chosen}
        units.append(Unit(scope, override, parts_of(contract, group, override), share))
    return units


def scope_of(contract, total):
    override = contract.most_specific(total, "share")
    share = contract.share if override is None else override.share
    chosen = ""
    if total.ruled is not None:
        case, _ = total.ruled
        chosen = f"case {case}" if case else "" if share["window"] == "PERIOD" else "case whole"
    own = "; ".join(text for text in (override.text if override else "", chosen) if text)
    if contract.carry_scope == "PARTNER":
        return own
    name = "brand" if contract.carry_scope == "BRAND" else "product"
    value = (total.place or {}).get(name, "")
    if value == "" or f"{name}=" in own:
        return own
    return "; ".join(text for text in (own, f"{name}={value}") if text)


def is_carried_apart(contract, scope):
    return scope.split("; ")[-1].startswith(("brand=", "product=")) and contract.carry_scope != "PARTNER"


def is_case(contract, scope):
    return contract.rules is not None and any(part.startswith("case ") for part in scope.split("; "))


def share_at(contract, scope, override):
    share = contract.share if override is None else override.share
    return {**share, "window": "PERIOD"} if is_case(contract, scope) else share


def share_in(contract, scope):
    return share_at(contract, scope, contract.named(scope))


def parts_of(contract, totals, override):
    """Activity apart by currency and by whose base it has; one empty part where there is none."""

    def base_for(total):
        own = contract.most_specific(total, "base")
        return contract.base if own is None else own.base

    groups = grouped(totals, lambda each: f"{each.currency if each.is_foreign else ''} {base_for(each)['pointer']}")
    if not groups:
        return [Part(override.base if override and override.base else contract.base, [])]
    parts = []
    for name in sorted(groups):
        first = groups[name][0]
        foreign = (first.currency, first.rates) if first.is_foreign else ("", ())
        parts.append(Part(base_for(first), groups[name], *foreign))
    return parts


def adopted(state, units):
    """The state with what was carried for units that the contract no longer knows given to the rest."""
    known = {unit.scope for unit in units}
    items = []
    for name, scope, key, value in state:
        if unit_scope(scope) not in known and name == "CARRY":
            scope, key = "", ADOPTED + key
        elif unit_scope(scope) not in known and name == "PLAYER_CARRY":
            scope = player_scope("", scope.rsplit("=", 1)[1])
        items.append((name, scope, key, value))
    return items


def value_in(state, name, scope, key):
    return sum(item[3] for item in state if item[:3] == (name, scope, key))


def tidy(state):
    """One item for each name, scope and key, none of them zero, in the order of their text."""
    sums = {}
    for *which, value in state:
        sums[tuple(which)] = sums.get(tuple(which), 0) + value
    return [(*which, sums[which]) for which in sorted(sums, key="\n".join) if sums[which] != 0]


def carried_in(state):
    return sum(item[3] for item in state if item[0] in ("CARRY", "PLAYER_CARRY"))
