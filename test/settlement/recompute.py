"""Makes statements again from outside: reads the payload of one, or a JSON list of them, from standard input.

From the facts that a statement embeds (totals, configuration, opening, state, rates, origins, lots) every line is made
again with exact fractions: which lines there are, in which order, each with formula, inputs, result, rounding and term,
the sums and what persists. Then the two are compared member by member. Prints what does not hold, a line each,
after the statement's place in the list; exit code 0 where all holds, 1 otherwise. Standard library only; it shares nothing with the server but what is published:
the schemas of statement and configuration, docs/settlement.md, and the names of lines.
"""

import json
import sys
from functools import lru_cache
from pathlib import Path

sys.dont_write_bytecode = True

from recomputing.checks import facts_faults
from recomputing.schema import schema_faults
from recomputing.statement import Statement

SCHEMA = json.loads((Path(__file__).parents[2] / "schema/statement.schema.json").read_text())


def check(stated):
    """What does not hold, in words."""
    faults = list(schema_faults(stated, SCHEMA)) or list(facts_faults(stated))
    return faults or list(differences(made_of(facts_in(stated)), stated, ""))


def facts_in(stated):
    """What is not made from anything else on the statement, as text."""
    origins = [{name: each[name] for name in each if name not in ("lines", "settled")} for each in stated.get("origins", [])]
    facts = {name: stated[name] for name in stated if name not in ("lines", "origins")}
    return json.dumps(facts | ({"origins": origins} if origins else {}))


@lru_cache(maxsize=8)
def made_of(facts):
    return Statement(json.loads(facts)).published


def differences(made, stated, where):
    """Where a statement states anything else than was made; members of its own, it may have beside those."""
    for name, value in made.items():
        if name == "origins":
            for index, (ours, theirs) in enumerate(zip(value, stated["origins"])):
                yield from differences(ours, theirs, f"/origins/{index}")
        elif stated.get(name) != value:
            yield from places(value, stated.get(name), f"{where}/{name}")
    if "creditMet" in stated and "creditMet" not in made and where == "":
        yield "/creditMet is stated, and there is no credit"


def places(made, stated, where):
    if isinstance(made, dict) and isinstance(stated, dict) and made.keys() == stated.keys():
        for name in made:
            yield from places(made[name], stated[name], f"{where}/{name}")
    elif isinstance(made, list) and isinstance(stated, list) and len(made) == len(stated):
        for index, (ours, theirs) in enumerate(zip(made, stated)):
            yield from places(ours, theirs, f"{where}/{index}")
    elif made != stated or type(made) is not type(stated):
        yield f"{where} is {json.dumps(stated)[:200]}, not {json.dumps(made)[:200]}"


def faults_of(stated):
    """The same, where what is stated cannot even be read."""
    try:
        return check(stated)
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        return [f"cannot be read: {type(error).__name__} {error}"]


if __name__ == "__main__":
    payload = json.load(sys.stdin)
    statements = payload if isinstance(payload, list) else [payload]
    found = [f"{index} {fault}" for index, each in enumerate(statements) for fault in faults_of(each)]
    print("\n".join(found))
    sys.exit(1 if found else 0)
