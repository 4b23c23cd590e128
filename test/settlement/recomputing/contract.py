"""What a configuration says about one currency, and the local dates that its windows look at."""

import re
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from zoneinfo import ZoneInfo

#: How much an override is narrowed by each name.
WEIGHTS = {"group": 8, "product": 4, "category": 2, "brand": 1}


class Override:
    """Terms of some brands, categories, products or groups; a member that it lacks is None."""

    def __init__(self, pointer, document):
        self.pointer, self.match = pointer, document["for"]
        self.base = at(document.get("base"), f"{pointer}/base")
        self.share = share_terms(document.get("share"), f"{pointer}/share")
        self.fees = listed(document.get("fees"), f"{pointer}/fees")
        self.caps = listed(document.get("caps"), f"{pointer}/caps")
        self.guarantee = at(document.get("guarantee"), f"{pointer}/guarantee")

    @property
    def weight(self):
        return sum(WEIGHTS[name] for name in self.match if name in WEIGHTS)

    @property
    def text(self):
        return " ".join(f"{name}={self.match[name]}" for name in ("brand", "category", "product", "group")
                        if name in self.match)

    def matches(self, place):
        return all((place or {}).get(name, "") == self.match[name] for name in WEIGHTS if name in self.match)

    @property
    def is_group(self):
        return self.caps is not None or self.guarantee is not None


class Contract:
    """The document, an override for the currency alone in the place of what it overrides."""

    def __init__(self, document, currency, scale, partner_kind):
        self.document, self.currency, self.scale, self.partner_kind = document, currency, scale, partner_kind
        own = [(f"/overrides/{index}", each) for index, each in enumerate(document.get("overrides", []))
               if each["for"].get("currency", currency) == currency]
        whole = next((each for each in own if not set(each[1]["for"]) & set(WEIGHTS)), (None, {}))

        def member(name):
            pointer, override = whole
            return (override[name], f"{pointer}/{name}") if name in override else (document.get(name), f"/{name}")

        self.base = at(*member("base"))
        self.share = share_terms(*member("share"))
        self.fees = listed(*member("fees")) or []
        self.caps = listed(*member("caps")) or []
        self.guarantee = at(*member("guarantee"))
        self.reserve = member("reserve")[0]
        self.payout = member("payout")[0]
        self.rounding = member("rounding")[0]
        self.jackpots = member("jackpots")[0] or {}
        self.taxes = document.get("taxes", {})
        self.rules = document.get("rules")
        self.overrides = [Override(*each) for each in own if each is not whole]
        self.is_late_apart = document["lateItems"] == "ORIGIN_TERMS"
        carry = document["carryOver"]
        self.policy = carry["policy"]
        self.carry_unit = carry.get("unit", "BASE")
        self.is_gross = carry.get("tierBasis") == "GROSS"
        self.carry_scope = carry.get("scope", "PARTNER").replace("PLAYER", "PARTNER")
        self.carry_rate = Fraction(carry.get("rate", 1))
        self.expires_after = carry.get("expiresAfterPeriods")
        fence = carry.get("ringFence")
        self.fence = None if fence is None else {name: Fraction(text) for name, text in fence.items()}

    def giving_nothing(self):
        """The same without what gives or takes where nothing happens: what it guarantees, fees of the period."""
        other = Contract(self.document, self.currency, self.scale, self.partner_kind)
        for terms in (other, *other.overrides):
            if terms.guarantee is not None and terms.guarantee["kind"] != "RECOUPABLE_ADVANCE":
                terms.guarantee = None
            if terms.fees is not None:
                terms.fees = [each for each in terms.fees if (each["kind"], each.get("per")) != ("FIXED", "PERIOD")]
        return other

    @property
    def minor(self):
        """What one minor unit is."""
        return Fraction(1, 10**self.scale)

    def most_specific(self, total, member):
        """The override that says a member for some activity; None where none does."""
        found = [each for each in self.overrides if getattr(each, member) is not None and each.matches(total.place)]
        return max(found, key=lambda each: each.weight, default=None)

    def named(self, scope):
        """The override whose share the unit of a scope has."""
        own = scope.split("; ")[0]
        return next((each for each in self.overrides if each.share is not None and each.text == own), None)


def at(document, pointer):
    return None if document is None else {**document, "pointer": pointer}


def listed(documents, pointer):
    return None if documents is None else [at(each, f"{pointer}/{index}") for index, each in enumerate(documents)]


def share_terms(share, pointer):
    if share is None:
        return None
    flat = {"pointer": pointer, "mode": "SLAB", "window": "PERIOD"}
    if share["kind"] == "NONE":
        return {**flat, "brackets": []}
    if share["kind"] == "FLAT":
        return {**flat, "brackets": [(None, Fraction(share["rate"]))]}
    bounds = [Fraction(each["upTo"]) if "upTo" in each else None for each in share["brackets"]]
    brackets = list(zip(bounds, (Fraction(each["rate"]) for each in share["brackets"])))
    return {"pointer": pointer, "mode": share["mode"], "window": share.get("window", "PERIOD"), "brackets": brackets}


class Days:
    """A period, and the stretch of its cycle, in local dates."""

    def __init__(self, period):
        zone = ZoneInfo(period["timezone"])
        self.first, self.next, self.cycle_first, self.cycle_next = (
            instant(period[name]).astimezone(zone).date() for name in ("start", "end", "cycleStart", "cycleEnd"))

    @property
    def count(self):
        return (self.next - self.first).days

    @property
    def whole(self):
        return max((self.cycle_next - self.cycle_first).days, 1)

    @property
    def is_end(self):
        """Whether no other part of its cycle's stretch follows."""
        return self.next == self.cycle_next

    def window(self, name):
        """The window of that name that the period belongs to."""
        first = self.first
        return {
            "PERIOD": f"{self.cycle_first}/{self.cycle_next}",
            "WEEK": str(first - timedelta(days=first.weekday())),
            "MONTH": f"{first.year:04}-{first.month:02}",
            "QUARTER": f"{first.year:04}-Q{(first.month + 2) // 3}",
            "YEAR": f"{first.year:04}",
            "CONTRACT": "CONTRACT",
        }[name]


def instant(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)


def day_end(day, zone):
    """The last millisecond of a local day."""
    following = date.fromisoformat(day) + timedelta(days=1)
    start = datetime(following.year, following.month, following.day, tzinfo=ZoneInfo(zone))
    return start.astimezone(timezone.utc) - timedelta(milliseconds=1)


def unit_scope(scope):
    """The scope of the unit that something belongs to, whether or not it is a player's alone."""
    return re.sub(r"(^|; )player=\w+$", "", scope)


def player_scope(unit, player):
    return "; ".join(text for text in (unit, f"player={player}") if text)
