"""Verdicts of Python's re and jsonschema on texts and values, for guided_test.cpp.

Usage: python3 make_guided.py > guided.json      (Python 3.11, jsonschema 4.26)
Schemas, patterns and values are made here. re runs with re.ASCII: \\d and \\w are ECMAScript's.
"""
import datetime
import json
import random
import re
import sys

import jsonschema

rng = random.Random(7)

PATTERNS = [
    r"abc", r"a|b|cd", r"", r"a*", r"a+b?", r"(ab)*c", r"(?:ab|a)(?:bc|c)", r"[a-c]+", r"[^a-c]+",
    r"\d{3}", r"\d{2,4}", r"\d{2,}", r"[0-9]{0,2}", r"\w+@\w+\.(com|org)", r"-?\d+(\.\d+)?",
    r"(a|b){2,3}c", r"(a?){3}", r"(a*)*b", r"((ab)?c)+", r"x{0}y", r"\.\*\+\?", r"[\]\-a]+",
    r"[a\-c]", r"[-a]", r"[a-]", r"\x41\u0042", r"a.c", r"\S+\s\S+", r"\D\W", r"é+", r"[à-ü]{2}",
    r"日本|中国", r"😀+", r"[😀-😂]", r"^abc$", r"^a|b$", r"(^a)b", r"a(b$)", r"a^b", r"a$b",
    r"(?P<year>\d{4})-(?P<month>\d\d)", r"a{2}{", r"a{,x}", r"{", r"}", r"a]b", r"a*?b+?", r"()a()",
    r"(|a)(b|)", r"(a|ab)(c|bcd)(d*)", r"[\d\-]+", r"[^\d\s]+", r"\t\n", r"[\n-\r]", r"a\/b",
    r"(a{1,2}b{1,2}){1,2}", r"(((a)))", r"[.]", r"[$^]", r"\$\^", r"(yes|no|maybe)( (yes|no))*",
    r"[A-Fa-f0-9]{8}-[A-Fa-f0-9]{4}", r"(0|[1-9]\d*)", r"\"[^\"]*\"", r"\\+",
]
ALPHABET = list("abcdxy0123 .-@\"\\]^$\n\t") + ["é", "ü", "日", "本", "😀", "A", "B", "{", "}", "/"]


def samples_of(pattern):
    """Random texts, and texts near the pattern's own characters."""
    own = [c for c in pattern if c not in "()[]{}*+?|"] or ["a"]
    out = {"", "a", "b", "ab", "abc", "aab", "2024-05", "12", "123", "1234", "yes no", "no",
           "a@b.com", "a.b@c.org", "-3.25", "0", "10", "AB", "😀😀", "日本", "éé", "DEADBEEF-0a1B",
           "a\tb", "\t\n", '"ab"', "\\\\", "acbc", "abcc", "abab", "aabb", "abcd", "abcdd"}
    for _ in range(60):
        source = own if rng.random() < 0.6 else ALPHABET
        out.add("".join(rng.choice(source) for _ in range(rng.randint(0, 6))))
    return sorted(out)


SCHEMAS = [
    True, {}, {"type": "null"}, {"type": "boolean"}, {"type": "integer"}, {"type": "number"},
    {"type": "string"}, {"type": "array"}, {"type": "object"}, {"type": ["integer", "null"]},
    {"type": ["string", "number"], "maxLength": 2, "maximum": 5},
    {"enum": [1, "a", None, True, [1, "x"], {"a": 1}, 2.5]}, {"const": {"a": [1, 2]}},
    {"type": "integer", "enum": [1, 2, "3", 7], "minimum": 2}, {"enum": [1.0, 3], "type": "integer"},
    {"type": "integer", "minimum": 0}, {"type": "integer", "maximum": 0},
    {"type": "integer", "minimum": -12, "maximum": 107},
    {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 6},
    {"type": "integer", "minimum": 1.5, "maximum": 4.5}, {"type": "integer", "minimum": 1000},
    {"type": "integer", "multipleOf": 7}, {"type": "integer", "multipleOf": 7, "minimum": 10, "maximum": 50},
    {"type": "number", "multipleOf": 5}, {"type": "number", "minimum": -1.25, "maximum": 2.5},
    {"type": "number", "exclusiveMinimum": 0}, {"type": "number", "exclusiveMaximum": 0.1},
    {"type": "number", "exclusiveMinimum": -0.5, "maximum": 0}, {"type": "number", "maximum": -3},
    {"minimum": 3}, {"minLength": 2},
    {"type": "string", "minLength": 1, "maxLength": 3}, {"type": "string", "maxLength": 0},
    {"type": "string", "pattern": "^[a-z]+$"}, {"type": "string", "pattern": "b"},
    {"type": "string", "pattern": "^a", "maxLength": 3}, {"type": "string", "pattern": "a$", "minLength": 2},
    {"type": "string", "allOf": [{"pattern": "a"}, {"pattern": "b"}]},
    {"type": "string", "pattern": "^[\"\\\\\n]+$"},
    {"type": "array", "items": {"type": "integer"}}, {"items": {"type": "string"}, "minItems": 1, "maxItems": 2},
    {"type": "array", "minItems": 2}, {"type": "array", "maxItems": 0},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
    {"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "null"}, "minItems": 1},
    {"type": "array", "items": {"type": "array", "items": {"type": "boolean"}, "maxItems": 2}},
    {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}},
    {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
     "additionalProperties": False},
    {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}, "c": {}},
     "required": ["b"], "additionalProperties": False},
    {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"],
     "additionalProperties": {"type": "boolean"}},
    {"type": "object", "required": ["z"]}, {"required": ["a", "z"], "additionalProperties": {"type": "integer"}},
    {"type": "object", "additionalProperties": False}, {"type": "object", "maxProperties": 1},
    {"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "additionalProperties": False,
     "minProperties": 2}, {"type": "object", "properties": {"a": {}, "b": {}}, "minProperties": 1, "required": ["a"]},
    {"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "additionalProperties": False,
     "maxProperties": 2, "required": ["b"]},
    {"type": "object", "properties": {"a": False, "b": {"type": "integer"}}},
    {"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 1}]},
    {"oneOf": [{"type": "integer"}, {"type": "null"}]},
    {"type": "object", "properties": {"k": {"type": "string"}, "v": {}}, "required": ["k"],
     "additionalProperties": False,
     "anyOf": [{"properties": {"k": {"const": "i"}, "v": {"type": "integer"}}},
               {"properties": {"k": {"const": "s"}, "v": {"type": "string"}}, "required": ["v"]}]},
    {"allOf": [{"type": ["integer", "string"]}, {"type": ["string", "null"]}]},
    {"allOf": [{"minimum": 2}, {"maximum": 9}, {"type": "integer"}]},
    {"allOf": [{"properties": {"a": {"minimum": 2}}, "required": ["a"]},
               {"properties": {"a": {"type": "integer"}}, "type": "object"}]},
    {"allOf": [{"properties": {"a": {}}, "additionalProperties": False},
               {"properties": {"a": {"type": "integer"}, "b": {}}}]},
    {"$defs": {"n": {"type": "integer", "minimum": 1}}, "type": "array", "items": {"$ref": "#/$defs/n"}},
    {"$defs": {"n": {"type": "integer"}}, "$ref": "#/$defs/n", "minimum": 5},
    {"type": "object", "properties": {"v": {"type": "integer"}, "next": {"anyOf": [{"type": "null"}, {"$ref": "#"}]}},
     "required": ["v"], "additionalProperties": False},
    {"$defs": {"t": {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#/$defs/t"}}]}},
     "$ref": "#/$defs/t"},
    {"$defs": {"a/b~c%d": {"type": "null"}}, "$ref": "#/$defs/a~1b~0c%25d"},
    {"type": "object", "properties": {"q\"\\\n": {"type": "integer"}, "é": {}}, "additionalProperties": False},
    {"type": "object", "properties": {"ab": {"type": "integer"}, "abc": {"type": "string"}}},
    {"const": "a\"b"}, {"const": 1e20}, {"enum": ["", "a", "ab", "abc"]}, {"type": "string", "enum": ["x", "yy"], "maxLength": 1},
]
VALUES = [
    None, True, False, 0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 14, 42, 49, 50, 56, 99, 100, 107, 108, 999, 1000,
    1234, -1, -3, -12, -13, -100, 123456789012345, 0.1, 0.05, 0.25, 0.5, -0.25, -0.5, -1.25, -1.3, 1.5, 2.5,
    2.51, 4.5, -3.5, 100.25, "", "a", "b", "ab", "ba", "abc", "abcd", "a\"b", "\"", "\\", "\n", "é", "日本",
    "😀", "ca", "xa", "z\u0001", "x", "yy", "i", "s", [], [1], [1, 2], [1, "x"], [1, "x", None], ["x"], ["x", "y"],
    ["x", "y", "z"], [None], [1, None], [[True], []], [[True, False, True]], [1, [2, [3]]], [[[]]], {}, {"a": 1},
    {"a": "x"}, {"b": "x"}, {"a": 1, "b": "x"}, {"a": 1, "b": 2}, {"a": 1, "b": "x", "c": []}, {"b": "x", "c": 1},
    {"a": 3, "z": True}, {"a": 1, "z": 2}, {"z": 1}, {"z": None}, {"a": [1, 2]}, {"a": 1, "c": 2}, {"a": 1, "b": 3, "c": 2},
    {"k": "i"}, {"k": "i", "v": 3}, {"k": "i", "v": "x"}, {"k": "s"}, {"k": "s", "v": "x"}, {"k": "s", "v": 1},
    {"v": 1}, {"v": 1, "next": None}, {"v": 1, "next": {"v": 2, "next": {"v": 3}}}, {"v": 1, "next": {"next": None}},
    {"q\"\\\n": 5}, {"q\"\\\n": 5, "é": 1}, {"é": {}}, {"ab": 1}, {"ab": "x"}, {"ab": 1, "abc": "x"}, {"abc": 1}, {"abcd": 1},
    {"ab": 1, "a": None}, {"x": {"y": [1, {"z": None}]}},
]
FORMATS = ["date", "time", "date-time", "uuid", "ipv4", "ipv6", "email"]
FORMAT_TEXTS = [
    "2024-02-29", "2023-02-29", "2000-02-29", "1900-02-29", "2024-04-31", "2024-12-31", "0000-01-01", "2024-1-1",
    "24-01-01", "12:34:56Z", "12:34:56", "23:59:59+01:30", "24:00:00Z", "12:60:00Z", "12:34:56.789Z",
    "2024-02-29T12:34:56Z", "2024-02-30T12:34:56Z", "2024-02-29 12:34:56Z", "2024-02-29T12:34:56-23:59",
    "123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000", "1.2.3.4", "255.255.255.255",
    "256.1.1.1", "1.2.3", "01.2.3.4", "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
    "1:2::7:8", "1::2::3", "1:2:3:4:5:6:7", "12345::", "g::", "a@b.co", "a.b@c.org", "a@b", "@b.co", "a@", "ab", "",
]


def ordered(value, schema):
    """Members of `value` in the order of all `properties` in `schema`."""
    names = []  # and then of `required`

    def collect(node):
        if isinstance(node, dict):
            names.extend(node.get("properties", {}))
            for part in node.get("allOf", []) + node.get("anyOf", []):
                collect(part)

    def collect_required(node):
        if isinstance(node, dict):
            names.extend(node.get("required", []))
            for part in node.get("allOf", []) + node.get("anyOf", []):
                collect_required(part)

    collect(schema)
    collect_required(schema)
    if isinstance(value, dict):
        key = lambda name: names.index(name) if name in names else len(names)
        return {name: value[name] for name in sorted(value, key=key)}
    return value


def is_time(name, text):
    """jsonschema needs another package for these; Python's datetime knows the format."""
    if ("T" in text) != (name == "date-time"):
        return False
    kind = datetime.datetime if name == "date-time" else datetime.time
    try:
        return kind.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def dump(value, separators):
    return json.dumps(value, ensure_ascii=False, separators=separators)


def main():
    regexes = []
    for pattern in PATTERNS:
        compiled = re.compile(pattern, re.ASCII)
        texts = samples_of(pattern)
        regexes.append({"pattern": pattern,
                        "match": [t for t in texts if compiled.fullmatch(t)],
                        "other": [t for t in texts if not compiled.fullmatch(t)]})
    schemas = []
    for schema in SCHEMAS:
        validator = jsonschema.Draft202012Validator(schema)
        validator.check_schema(schema)
        case = {"schema": schema, "valid": [], "invalid": []}
        for value in VALUES:
            place = case["valid"] if validator.is_valid(value) else case["invalid"]
            for separators in ((",", ":"), (", ", ": ")):
                text = dump(ordered(value, schema), separators)
                if text not in place:
                    place.append(text)
        schemas.append(case)
    for name in FORMATS:
        schema = {"type": "string", "format": name}
        validator = jsonschema.Draft202012Validator(
            schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
        case = {"schema": schema, "valid": [], "invalid": []}
        for text in FORMAT_TEXTS:
            # What jsonschema or Python takes beyond the RFC, or the RFC beyond Python.
            if name == "email" and text in ("a@b", "@b.co", "a@"):
                continue
            valid = is_time(name, text) if "time" in name else validator.is_valid(text)
            place = case["valid"] if valid else case["invalid"]
            place.append(dump(text, (",", ":")))
        schemas.append(case)
    json.dump({"regexes": regexes, "schemas": schemas}, sys.stdout, ensure_ascii=False,
              separators=(",", ":"))
    sys.stdout.write("\n")


main()
