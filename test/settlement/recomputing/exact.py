"""Exact numbers as a statement writes them, and formulas whose text and value are built together."""

import re
from fractions import Fraction
from math import floor


def shortest(value):
    """The shortest exact decimal where one ends, else n/d."""
    value, places = Fraction(value), 0
    rest = value.denominator
    twos, fives = 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    places = max(twos, fives)
    return decimal(value, places)


def decimal(value, places):
    """A number that is whole in its last place, with exactly so many decimals."""
    count = value * 10**places
    assert count.denominator == 1, "a number of whole minor units"
    digits = str(abs(count.numerator)).rjust(places + 1, "0")
    sign = "-" if count < 0 else ""
    return sign + (digits if places == 0 else f"{digits[:-places]}.{digits[-places:]}")


def written(value, scale):
    """An amount: with the currency's decimals where they suffice, else as `shortest`."""
    return decimal(value, scale) if (value * 10**scale).denominator == 1 else shortest(value)


def rounded(value, mode):
    """The whole number that a value is rounded to, by the mode's name."""
    low = floor(value)
    part = value - low
    half = Fraction(1, 2)
    up = {
        "FLOOR": False,
        "CEILING": part > 0,
        "UP": part > 0 and value > 0,
        "DOWN": part > 0 and value < 0,
        "HALF_UP": part > half or (part == half and value > 0),
        "HALF_DOWN": part > half or (part == half and value < 0),
        "HALF_EVEN": part > half or (part == half and low % 2 == 1),
    }[mode]
    return low + 1 if up else low


def shared_out(whole, values):
    """Largest remainder: floors, then a unit each to the largest fractions, the earlier first."""
    floors = [floor(value) for value in values]
    order = sorted(range(len(values)), key=lambda index: (floors[index] - values[index], index))
    favoured = set(order[: whole - sum(floors)])
    return [low + (index in favoured) for index, low in enumerate(floors)]


class Exact:
    """A formula, its inputs by name (each with whether it is a rate), and its value in whole units."""

    def __init__(self, formula, inputs, value):
        self.formula, self.inputs, self.value = formula, inputs, Fraction(value)

    def __add__(self, other):
        return Exact(f"{self.formula} + {other.formula}", self.inputs | other.inputs, self.value + other.value)

    def __sub__(self, other):
        return Exact(f"{self.formula} - {bracketed(other)}", self.inputs | other.inputs, self.value - other.value)

    def __mul__(self, other):
        text = f"{bracketed(self)} * {bracketed(other)}"
        return Exact(text, self.inputs | other.inputs, self.value * other.value)

    def __truediv__(self, other):
        text = f"{bracketed(self)} / {bracketed(other)}"
        return Exact(text, self.inputs | other.inputs, self.value / other.value)

    def __neg__(self):
        return Exact(f"-{bracketed(self)}", self.inputs, -self.value)


ZERO = Exact("0", {}, 0)
ONE = Exact("1", {}, 1)


def amount(name, value):
    return Exact(name, {name: (Fraction(value), False)}, value)


def rate(name, value):
    """A rate, or a count."""
    return Exact(name, {name: (Fraction(value), True)}, value)


def least(left, right):
    value = min(left.value, right.value)
    return Exact(f"min({left.formula}, {right.formula})", left.inputs | right.inputs, value)


def greatest(left, right):
    value = max(left.value, right.value)
    return Exact(f"max({left.formula}, {right.formula})", left.inputs | right.inputs, value)


def where_at_least(left, right, yes, no=ZERO):
    formula = f"if {left.formula} >= {right.formula} then {yes.formula} else {no.formula}"
    inputs = left.inputs | right.inputs | yes.inputs | no.inputs
    return Exact(formula, inputs, (yes if left.value >= right.value else no).value)


def bracketed(term):
    return term.formula if re.fullmatch(r"\w+", term.formula) or is_call(term.formula) else f"({term.formula})"


def is_call(formula):
    """Whether a leading min or max is all of the formula."""
    if not re.match(r"(min|max)\(", formula):
        return False
    depth = 0
    for at, sign in enumerate(formula):
        depth += (sign == "(") - (sign == ")")
        if sign == ")" and depth == 0:
            return at == len(formula) - 1
    return False


def evaluate(formula, inputs):
    """What a published formula gives, read as text: if a >= b then c else d, + - * /, min, max, brackets."""
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
