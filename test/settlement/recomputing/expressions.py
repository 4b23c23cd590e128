"""The expressions of a rule's cells, as the GoRules engine reads them: comparisons and choices, no arithmetic."""

import re
from fractions import Fraction

TOKENS = re.compile(r"'[^']*'|\"[^\"]*\"|\d+(?:\.\d+)?|[A-Za-z_$][\w$]*|\.\.|\?\?|[<>=!]=|\S")
COMPARISONS = {
    "==": lambda a, b: a == b and type(a) is type(b), "!=": lambda a, b: not (a == b and type(a) is type(b)),
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}
FUNCTIONS = {
    "len": lambda text: Fraction(len(text)), "contains": lambda text, part: part in text,
    "startsWith": lambda text, part: text.startswith(part), "endsWith": lambda text, part: text.endswith(part),
    "upper": str.upper, "lower": str.lower, "trim": str.strip,
}


class Interval:
    def __init__(self, opening, low, high, closing):
        self.opening, self.low, self.high, self.closing = opening, low, high, closing

    def holds(self, value):
        above = value > self.low if self.opening == "(" else value >= self.low
        below = value < self.high if self.closing == ")" else value <= self.high
        return above and below


class Reader:
    """Reads and computes at once; what is not chosen is read as well."""

    def __init__(self, text, names, own):
        self.tokens, self.at, self.names, self.own = TOKENS.findall(text), 0, names, own

    def next_is(self, *expected):
        return self.tokens[self.at : self.at + 1] and self.tokens[self.at] in expected

    def take(self, expected=None):
        token = self.tokens[self.at]
        if expected not in (None, token):
            raise ValueError(f"{expected} is missing")
        self.at += 1
        return token

    def value(self):
        chosen = self.either()
        if not self.next_is("?"):
            return chosen
        self.take()
        yes = self.value()
        self.take(":")
        no = self.value()
        return yes if chosen else no

    def either(self):
        value = self.both()
        while self.next_is("or"):
            self.take()
            value = self.both() or value
        return value

    def both(self):
        value = self.compared()
        while self.next_is("and"):
            self.take()
            value = self.compared() and value
        return value

    def compared(self):
        implied = self.next_is(*COMPARISONS)
        value = self.own if implied else self.operand()
        while self.next_is(*COMPARISONS, "in", "not"):
            sign = self.take()
            if sign in COMPARISONS:
                value = COMPARISONS[sign](value, self.operand())
                continue
            if sign == "not":
                self.take("in")
            value = is_in(value, self.operand()) != (sign == "not")
        return value

    def operand(self):
        if self.next_is("not"):
            self.take()
            return not self.operand()
        value = self.single()
        while self.next_is("??"):
            self.take()
            other = self.single()
            value = other if value is None else value
        return value

    def single(self):
        token = self.take()
        if token[0] in "'\"":
            return token[1:-1]
        if token[0].isdigit():
            return Fraction(token)
        if token == "-":
            return -self.single()
        if token in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[token]
        if token in "([":
            return self.enclosed(token)
        if token in FUNCTIONS and self.next_is("("):
            self.take()
            return FUNCTIONS[token](*self.listed(")"))
        if token == "$" and self.next_is("."):
            self.take()
            return self.own[self.take()]
        return self.own if token == "$" else self.names[token]

    def listed(self, closing):
        values = []
        while not self.next_is(closing):
            values.append(self.value())
            if not self.next_is(closing):
                self.take(",")
        self.take(closing)
        return values

    def enclosed(self, opening):
        """An interval, a list, or an expression in brackets."""
        if opening == "[" and self.next_is("]"):
            return self.listed("]")
        first = self.value()
        if self.next_is(".."):
            self.take()
            return Interval(opening, first, self.value(), self.take())
        if opening == "(":
            self.take(")")
            return first
        if not self.next_is("]"):
            self.take(",")
        return [first, *self.listed("]")]


def is_in(value, several):
    if isinstance(several, Interval):
        return several.holds(value)
    return any(COMPARISONS["=="](value, each) for each in several)


def evaluate(text, names, own=None):
    """The value of an expression; `$.key` is what an earlier one of the node gave."""
    reader = Reader(text, names, own or {})
    value = reader.value()
    if reader.at != len(reader.tokens):
        raise ValueError(text)
    return value


def passes(text, names, value):
    """Whether a value passes a cell's test: any of its parts, a value that it is, a list or range that it is in."""
    reader = Reader(text, names, value)
    while True:
        start = reader.at
        found = reader.value()
        words = reader.tokens[start : reader.at]
        if isinstance(found, (Interval, list)):
            found = is_in(value, found)
        elif not is_claim(words):
            found = COMPARISONS["=="](value, found)
        if found:
            return True
        if reader.at == len(reader.tokens):
            return False
        reader.take(",")


def is_claim(words):
    """Whether a part of a test is true or false by itself, and not a value to compare with."""
    claims = {*COMPARISONS, "and", "or", "not", "in", "contains", "startsWith", "endsWith", "$"}
    return any(word in claims for word in words)
