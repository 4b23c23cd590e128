"""The lines of a statement: what each is called, and how it is written."""

from fractions import Fraction

from .exact import decimal, rounded, shortest, written

#: Section and description by code.
LINES = {
    "RULE": ("BASE", "Asked of the rule, which left the rate as the terms say it"),
    "RULE_RATE": ("BASE", "Rate that the rule chose"),
    "TURNOVER": ("BASE", "Turnover: bets less rolled-back bets"),
    "WINS": ("BASE", "Wins less rolled-back wins"),
    "LATE_ITEMS": ("BASE", "Late items of closed periods, counted here"),
    "GGR": ("BASE", "Gross gaming revenue: turnover less wins"),
    "DEDUCTION_BONUS": ("BASE", "Bonus cost deducted"),
    "DEDUCTION_JACKPOT_CONTRIBUTION": ("BASE", "Jackpot contributions deducted"),
    "DEDUCTION_PAYMENT_FEES": ("BASE", "Payment fees deducted"),
    "DEDUCTION_GAMING_TAX": ("BASE", "Gaming tax deducted"),
    "DEDUCTION_CHARGEBACKS": ("BASE", "Chargebacks deducted"),
    "DEDUCTION_ADMIN_FEE": ("BASE", "Administration fee deducted"),
    "DEDUCTION_PROVIDER_FEES": ("BASE", "Provider fees deducted"),
    "BASE_PART": ("BASE", "Base of the activity that has a base of its own"),
    "BASE_CONVERTED": ("BASE", "Base of another currency, converted at close"),
    "BASE": ("BASE", "Base of this period"),
    "PLAYER_BASE": ("BASE", "Base of one player's activity"),
    "PLAYER_CARRY_IN": ("BASE", "Negative amount carried in against one player alone"),
    "PLAYER_OFFSET": ("BASE", "What was carried in against the player and is taken off the player's own gain"),
    "AGGREGATE": ("BASE", "Base after what players absorbed themselves"),
    "PLAYER_LOSS": ("BASE", "Loss of a player beyond the ring-fence's bounds"),
    "PLAYER_FENCED": ("BASE", "Loss that is carried against the player alone"),
    "FENCED_BASE": ("BASE", "Base without what is carried against players alone"),
    "PLAYER_EXPIRED": ("BASE", "What was carried in against the player and expires now"),
    "PLAYER_CARRY_OUT": ("BASE", "Negative amount carried out against the player alone"),
    "WINDOW_BASE": ("BASE", "Base of the tier window so far"),
    "CARRY_IN": ("BASE", "Negative amount carried in from the statement before"),
    "WINDOW_CARRY_IN": ("BASE", "Negative amount that was carried into the tier window, by its first statement"),
    "CARRY_OFFSET": ("BASE", "What was carried in and is taken off now"),
    "CARRY_EXPIRED": ("BASE", "What was carried in and expires now"),
    "CARRY_OUT": ("BASE", "Negative amount carried out to the next statement"),
    "NET_BASE": ("BASE", "Base that is shared, after what was carried in"),
    "TIER_RATE": ("BASE", "Rate of the bracket that the base reaches"),
    "COMMISSION": ("BASE", "Commission before what was carried in"),
    "SHARE": ("EARNED", "Share of the base after what was carried in"),
    "FEE_FIXED": ("EARNED", "Fixed fee by contract"),
    "FEE_PER_TRANSACTION": ("EARNED", "Fee for each transaction"),
    "FEE_PER_UNIT": ("EARNED", "Fee for each unit"),
    "CAP": ("EARNED", "Taken off above a cap"),
    "GUARANTEED": ("BASE", "Guaranteed for this period"),
    "TOP_UP": ("EARNED", "Topped up to what is guaranteed"),
    "JACKPOT_TRUE_UP": ("EARNED", "Jackpot contributions by rate, less those posted"),
    "VAT": ("EARNED", "Value added tax"),
    "VAT_INCLUDED": ("EARNED", "Value added tax contained in what was earned"),
    "ADVANCE": ("EARNED", "Advance given, or recouped where negative"),
    "JACKPOT_CONTRIBUTIONS": ("EARNED", "Jackpot contributions owed to the pool"),
    "JACKPOT_WINS": ("EARNED", "Jackpot wins due from the pool"),
    "JACKPOTS_SEPARATE": ("BASE", "Jackpot contributions less wins, settled apart from this statement"),
    "FEES": ("EARNED", "Fees owed to the partner"),
    "CREDIT_BOUGHT": ("EARNED", "Price of credit bought; negative where it was taken back"),
    "ADJUSTMENTS": ("ADJUSTMENTS", "Adjustments; positive in the partner's favour"),
    "RESERVE_HELD": ("RESERVE", "Withheld for the rolling reserve"),
    "RESERVE_RELEASED": ("RESERVE", "Released from the rolling reserve"),
    "POSITION": ("POSITION", "Position before payment"),
    "PAYABLE": ("POSITION", "Released for payment"),
    "CREDIT_TO_MEET": ("CREDIT", "Of what is released, what credit may meet: not the price of credit"),
    "CREDIT_DRAWN_MET": ("CREDIT", "Met by credit that was drawn at posting"),
    "CREDIT_MET": ("CREDIT", "Met by credit of a lot"),
    "CREDIT_REFILLED": ("CREDIT", "Given back to a lot that it was drawn from"),
    "CREDIT_DISCOUNT": ("CREDIT", "Discount of the credit that met it, which lowers the cost"),
    "CREDIT_LEFT": ("CREDIT", "What is left of a lot"),
    "TAX_WITHHELD": ("POSITION", "Tax withheld from what is released"),
    "PAID_OUT": ("POSITION", "To be paid after credit and tax"),
    "SPLIT": ("POSITION", "To be paid to one of several payees"),
    "CLOSING": ("POSITION", "Closing position; it opens the next statement"),
}


class Line:
    """A line in exact numbers. `money` is None where it is working only, `source` what of another currency it was."""

    def __init__(self, code, term, working, scope=""):
        self.code, self.term, self.working, self.scope = code, term, working, scope
        self.money = self.rounding = self.rule = None
        self.source = 0
        self.is_rate = False

    @property
    def value(self):
        return self.working.value

    @property
    def section(self):
        return LINES[self.code][0]

    def published(self, scale):
        section, description = LINES[self.code]
        inputs = self.working.inputs.items()
        line = {
            "code": self.code,
            "section": section,
            "scope": self.scope,
            "description": description,
            "formula": self.working.formula,
            "inputs": {name: shortest(value) if is_rate else written(value, scale) for name, (value, is_rate) in inputs},
            "result": shortest(self.value) if self.is_rate else written(self.value, scale),
            "amount": None if self.money is None else decimal(self.money, scale),
            "rounding": self.rounding,
            "term": self.term,
        }
        return line if self.rule is None else line | {"rule": self.rule}


def money_line(code, term, working, scope=""):
    """Money that is whole minor units by itself; `published` asserts it."""
    line = Line(code, term, working, scope)
    line.money = working.value
    return line


def rounded_line(code, term, working, mode, scale, scope=""):
    """Money that is rounded by itself."""
    line = Line(code, term, working, scope)
    line.money = Fraction(rounded(working.value * 10**scale, mode), 10**scale)
    line.rounding = {"mode": mode, "stage": "LINE"}
    return line
