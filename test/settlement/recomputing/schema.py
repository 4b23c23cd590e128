"""So much of JSON Schema as the published schema of statements uses."""

import re

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def schema_faults(value, schema, where=""):
    """Where a value is not as the schema says."""
    if "anyOf" in schema:
        if all(list(schema_faults(value, each)) for each in schema["anyOf"]):
            yield f"{where} is none of what it may be"
        return
    if not is_of_type(value, schema.get("type")):
        yield f"{where} is no {schema['type']}"
        return
    if ("const" in schema and value != schema["const"]) or ("enum" in schema and value not in schema["enum"]):
        yield f"{where} is not one of what it may be"
    if isinstance(value, str):
        if not re.search(schema.get("pattern", ""), value) or len(value) > schema.get("maxLength", len(value)):
            yield f"{where} is not written as it should be"
    elif isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{where} has another number of items than it may have"
        for index, item in enumerate(value):
            yield from schema_faults(item, schema["items"], f"{where}/{index}")
    elif isinstance(value, dict):
        yield from (f"{where}/{name} is missing" for name in schema.get("required", []) if name not in value)
        others = schema.get("additionalProperties")
        for name, member in value.items():
            inner = schema.get("properties", {}).get(name, others if isinstance(others, dict) else None)
            yield from schema_faults(member, inner, f"{where}/{name}") if inner else ()
    elif isinstance(value, int) and not isinstance(value, bool):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            yield f"{where} is out of its bounds"


def is_of_type(value, name):
    if isinstance(name, list):
        return any(is_of_type(value, each) for each in name)
    if name in ("integer", "number"):
        return isinstance(value, int) and not isinstance(value, bool)
    return name is None or isinstance(value, TYPES[name])
