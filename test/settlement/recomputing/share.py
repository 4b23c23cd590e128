"""The share of a base: what is carried, tiers, windows, and the ring-fence (domain 4 to 7)."""

from fractions import Fraction

from .activity import base_of, grouped
from .contract import player_scope
from .exact import ZERO, amount, greatest, least, rate, where_at_least
from .lines import Line
from .units import ADOPTED, value_in

FENCE = "/carryOver/ringFence"


def carried_from(contract, items):
    """What is carried as (value, periods left), the oldest first, less what late items gave back."""
    entries = []
    for *_, key, value in items:
        periods = key.split("/")[-1]
        left = contract.expires_after if periods == "" else int(periods)
        entries.append((value, None if contract.expires_after is None else left))
    entries.sort(key=lambda entry: entry[1] or 0)
    given = sum(max(value, 0) for value, _ in entries)
    if given == 0:
        return entries
    rest = sum(value for value, _ in entries)
    if rest >= 0:
        return [(rest, None)]
    return absorbed([entry for entry in entries if entry[0] < 0], given)


def absorbed(entries, offset):
    out = []
    for value, left in entries:
        taken = min(offset, -value)
        offset -= taken
        out.append((value + taken, left))
    return out


def life_of(contract, is_aging):
    """How long what is carried out lives: a part of a period that another part follows is no period."""
    return contract.expires_after if contract.expires_after is None or is_aging else contract.expires_after + 1


def aged(contract, own, entries, is_aging):
    """What expires now, and what is carried on with the period's own loss."""
    older = [(value, None if left is None else left - int(is_aging)) for value, left in entries]
    is_over = [left is not None and left <= 0 for _, left in older]
    expired = sum((entry[0] for entry, over in zip(older, is_over) if over), Fraction(0))
    return expired, [entry for entry, over in zip(older, is_over) if not over] + [(min(own, 0), life_of(contract, is_aging))]


def as_state(entries, name, scope):
    return [(name, scope, "" if left is None else str(left), value) for value, left in entries]


def carry_over(contract, own, entries, scope, code, is_aging):
    """Lines before the share, what is left to be shared, lines after it, and what is carried out."""
    carry_in = amount("carryIn", sum((value for value, _ in entries), Fraction(0)))
    before = [Line(code, "/carryOver", carry_in, scope)]
    is_capped = contract.policy == "CAPPED"
    if carry_in.value > 0 or (not is_capped and contract.expires_after is None):
        net = own + carry_in
        out = ZERO if contract.policy == "NONE" else least(net, ZERO)
        return before, net, [Line("CARRY_OUT", "/carryOver", out, scope)], [(out.value, life_of(contract, is_aging))]
    most = greatest(own, ZERO)
    bound = rate("capRate", contract.carry_rate) * most if is_capped else most
    offset = Line("CARRY_OFFSET", "/carryOver", least(-carry_in, bound), scope)
    expired, out = aged(contract, own.value, absorbed(entries, offset.value), is_aging)
    named = amount("carryOffset", offset.value)
    left = least(own, ZERO) + carry_in + named
    after = []
    if expired != 0:
        after.append(Line("CARRY_EXPIRED", "/carryOver/expiresAfterPeriods", amount("carryExpired", expired), scope))
        left = left - amount("carryExpired", expired)
    return [*before, offset], own - named, [*after, Line("CARRY_OUT", "/carryOver", left, scope)], out


def by_tiers(share, shared, chosen_by, scope):
    """Lines, and what brackets make of an amount that is not below zero."""
    brackets = share["brackets"]
    if len(brackets) == 1:
        return [], rate("rate", brackets[0][1]) * shared
    if share["mode"] == "MARGINAL":
        base = amount("netBase", shared.value)
        parts = []
        for index, (bound, part_rate) in enumerate(brackets):
            part = base if bound is None else least(base, amount(f"upTo{index + 1}", bound))
            if index > 0:
                part = greatest(part - amount(f"upTo{index}", brackets[index - 1][0]), ZERO)
            parts.append(rate(f"rate{index + 1}", part_rate) * part)
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return [Line("NET_BASE", share["pointer"], shared, scope)], total
    chosen = ZERO
    for index, (bound, part_rate) in reversed(list(enumerate(brackets))):
        own = rate(f"rate{index + 1}", part_rate)
        chosen = own if bound is None else where_at_least(amount(f"upTo{index + 1}", bound), chosen_by, own, chosen)
    line = Line("TIER_RATE", f"{share['pointer']}/brackets", chosen, scope)
    line.is_rate = True
    return [line], rate("rate", line.value) * shared


class Shared:
    """Lines before the share, the share, lines after it, and what persists once it is rounded."""

    def __init__(self, before, share, after, state_after):
        self.before, self.share, self.after, self.state_after = before, share, after, state_after


def share_of(contract, unit, state, days, base):
    scope, share = unit.scope, unit.share
    carries = [item for item in state if item[:2] == ("CARRY", scope)]
    if not share["brackets"]:
        kept = carries
        if not all(value < 0 for *_, value in carries):
            left = [entry for entry in carried_from(contract, carries) if entry[0] < 0]
            kept = as_state(left, "CARRY", scope)
        return Shared([], None, [], lambda _: kept)
    lines, carry_code, base, taken, settled, kept_by = in_window(contract, unit, state, days, base)
    is_aging = share["window"] != "PERIOD" or days.is_end
    if contract.carry_unit == "BASE":
        before, net, after, out = carry_over(contract, base, taken, scope, carry_code, is_aging)
        shared = greatest(net, ZERO)
        chosen_by = greatest(base, ZERO) if contract.is_gross else shared
        tiers, due = by_tiers(share, shared, chosen_by, scope)
        before = [*before, *tiers]
    else:
        is_loss = base.value < 0
        shared = greatest(-base if is_loss else base, ZERO)
        tiers, due = by_tiers(share, shared, shared, scope)
        line = Line("COMMISSION", share["pointer"], -due if is_loss else due, scope)
        own = amount("commission", line.value)
        before, net, after, out = carry_over(contract, own, taken, scope, carry_code, is_aging)
        before, due = [*tiers, line, *before], greatest(net, ZERO)
    due = due if settled is None else due - amount("settled", settled)
    money = Line("SHARE", share["pointer"], due, scope)
    return Shared([*lines, *before], money, after, lambda paid: as_state(out, "CARRY", scope) + kept_by(paid))


def in_window(contract, unit, state, days, base):
    """Lines, how what was carried in is named, the window's base so far, what was carried into it, what it settled
    (None: no window), its state."""
    scope, window = unit.scope, unit.share["window"]
    carries = [item for item in state if item[:2] == ("CARRY", scope)]
    if window == "PERIOD":
        return [], "CARRY_IN", base, carried_from(contract, carries), None, lambda _: []
    key = days.window(window)
    before, settled = (value_in(state, name, scope, key) for name in ("WINDOW_BASE", "WINDOW_SETTLED"))
    opened = [item for item in state if item[:2] == ("WINDOW_CARRY", scope) and item[2].startswith(f"{key}/")]
    is_new = not opened and before == 0 and settled == 0
    late = [item for item in carries if item[2].startswith(ADOPTED)]
    taken = carried_from(contract, carries if is_new else [*opened, *late])
    line = Line("WINDOW_BASE", f"{unit.share['pointer']}/window", amount("baseBefore", before) + base, scope)

    def kept_by(paid):
        carried = as_state(taken, "WINDOW_CARRY", scope)
        return [("WINDOW_BASE", scope, key, line.value), ("WINDOW_SETTLED", scope, key, settled + paid),
                *((name, where, f"{key}/{left}", value) for name, where, left, value in carried)]

    code = "CARRY_IN" if is_new else "WINDOW_CARRY_IN"
    return [line], code, amount("windowBase", line.value), taken, settled, kept_by


class Player:
    """One whom activity tells apart, or against whom something is carried."""

    def __init__(self, contract, unit, scope, name, items):
        self.scope, self.carried = scope, carried_from(contract, items)
        parts = [part.of_player(name) for part in unit.parts] if name is not None else []
        parts = [part for part in parts if part.totals]
        self.lines, self.base = [], ZERO
        if parts:
            self.lines, base = base_of(parts, scope)
            for line in self.lines:
                line.code = "PLAYER_BASE" if line.code == "BASE" else line.code
            self.base = amount("playerBase", base.value)
        value = sum((entry[0] for entry in self.carried), Fraction(0))
        self.carry_in = ZERO if value == 0 else amount("playerCarryIn", value)
        self.offset = None
        if value != 0:
            self.lines.append(Line("PLAYER_CARRY_IN", FENCE, self.carry_in, scope))
        if value != 0 and not (self.base is ZERO and value < 0):
            self.offset = Line("PLAYER_OFFSET", FENCE, least(-self.carry_in, greatest(self.base, ZERO)), scope)
            self.lines.append(self.offset)

    def loss(self, contract, aggregate):
        own = self.base if self.offset is None else self.base - amount("playerOffset", self.offset.value)
        beyond = greatest(own - amount("playerAtMost", contract.fence["playerAtMost"]),
                          amount("aggregate", aggregate) - amount("aggregateAtMost", contract.fence["aggregateAtMost"]))
        return Line("PLAYER_LOSS", FENCE, where_at_least(ZERO, beyond, own), self.scope)

    def carry_on(self, contract, days, fenced):
        own = next((line.value for line in fenced if line.scope == self.scope), Fraction(0))
        offset = Fraction(0) if self.offset is None else self.offset.value
        kept = absorbed(self.carried, offset) if self.carry_in.value < 0 else []
        expired, out = aged(contract, own, kept, days.is_end)
        left = self.carry_in if self.offset is None else self.carry_in + amount("playerOffset", offset)
        lines = []
        if expired != 0:
            named = amount("playerExpired", expired)
            lines.append(Line("PLAYER_EXPIRED", "/carryOver", named, self.scope))
            left = left - named
        left = left if own == 0 else left + amount("playerFenced", own)
        lines.append(Line("PLAYER_CARRY_OUT", FENCE, left, self.scope))
        return lines, as_state(out, "PLAYER_CARRY", self.scope)


def fence_players(contract, unit, state, days, base):
    """Lines before the share, the base that is left, lines after it, and what is carried against players alone."""
    names = {player_scope(unit.scope, each.player): each.player
             for part in unit.parts for each in part.totals if each.player is not None}
    carries = grouped([item for item in state if item[0] == "PLAYER_CARRY"], lambda item: item[1])
    players = [Player(contract, unit, scope, names.get(scope), carries.get(scope, []))
               for scope in sorted({*names, *carries})]
    if not players:
        return [], base, [], []
    if contract.fence is None:
        return [], base, [Line("PLAYER_EXPIRED", "/carryOver", each.carry_in, each.scope) for each in players], []
    rest = base
    for index, offset in enumerate(each.offset for each in players if each.offset is not None):
        rest = rest - amount(f"offset{index + 1}", offset.value)
    aggregate = Line("AGGREGATE", FENCE, rest, unit.scope)
    losses = [each.loss(contract, aggregate.value) for each in players]
    fenced, sum_of_them = [], Fraction(0)
    for loss in sorted((line for line in losses if line.value < 0), key=lambda line: line.value):
        left = amount("aggregate", aggregate.value) - amount("fencedBefore", sum_of_them)
        fenced.append(Line("PLAYER_FENCED", FENCE, greatest(amount("playerLoss", loss.value), left), loss.scope))
        sum_of_them += fenced[-1].value
    left = amount("aggregate", aggregate.value) - amount("fenced", sum_of_them)
    kept = Line("FENCED_BASE", FENCE, left, unit.scope)
    outs = [each.carry_on(contract, days, fenced) for each in players]
    before = [*(line for each in players for line in each.lines), aggregate, *losses, *fenced, kept]
    after = [line for lines, _ in outs for line in lines]
    return before, amount("fencedBase", kept.value), after, [item for _, items in outs for item in items]
