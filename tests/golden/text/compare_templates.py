"""Renders every chat template of a folder over a matrix of conversations, with transformers and with
peira, and says where the two differ.

    python compare_templates.py FOLDER [--render build/release/tests/model/text/jinja_render] [--show N]

FOLDER holds *.jinja files, such as the chat_template.jinja files of published checkpoints; they are
read and never copied. The reference is transformers' own render_jinja_template (5.17, jinja2 3.1.6)
with its clock stopped. Texts must be equal byte for byte, and whatever raises there must be an error
here. Prints the number of pairs and of differences; exits 1 when there is one.
"""
import argparse
import collections
import copy
import datetime
import itertools
import json
import pathlib
import subprocess
import sys

import transformers
import transformers.utils.chat_template_utils as reference

NOW = datetime.datetime(2026, 2, 3, 4, 5, 6)


class StoppedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


reference.datetime = StoppedClock

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather.\nUse it when a \"city\" is <named> & wanted.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "The city, e.g. Zürich"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                "days": {"type": ["integer", "null"], "description": "How many", "minimum": 1, "maximum": 9.5},
            },
            "required": ["city"],
        },
        "return": {"type": "string"},
    },
}
NESTED = {
    "type": "function",
    "function": {
        "name": "book",
        "description": "Book a table",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {
                "guests": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"name": {"type": "string"}, "age": {"type": "number", "nullable": True}},
                        "required": ["name"],
                    },
                },
                "when": {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "ISO date", "default": None},
                "either": {"oneOf": [{"type": "integer"}, {"type": "string", "default": "x"}]},
                "flags": {"type": "object", "additionalProperties": {"type": "boolean"}},
                "free": {},
            },
            "required": ["guests", "when"],
            "additionalProperties": False,
        },
    },
}
BARE = {"type": "function", "function": {"name": "now", "description": "The time", "parameters": {"type": "object", "properties": {}}}}
NO_PARAMETERS = {"type": "function", "function": {"name": "ping", "description": "Ping"}}
FLAT = {"name": "flat", "description": "Not wrapped", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}


def say(role, content, **more):
    return {"role": role, "content": content, **more}


def call(name, arguments, **more):
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **more}


USER = say("user", "What is 17 + 25?")
AWKWARD = "héllo \"wörld\" 'it’s' ✓ 日本語 😀 <b>&amp;</b> {{ x }} {% y %} \\n \t\r\n  trailing  "
PARTS = [{"type": "text", "text": "Look: "}, {"type": "image"}, {"type": "text", "text": AWKWARD}]
IMAGE_URL = [{"type": "image_url", "image_url": {"url": "data:x"}}, {"type": "text", "text": "What?"}]
MEDIA = [{"type": "video", "video": "v.mp4"}, {"type": "audio", "audio": "a.wav"}, {"type": "text", "text": "Both"}]

TALKS = {
    "one": [USER],
    "system": [say("system", "Be brief."), USER],
    "developer": [say("developer", "Be brief."), USER],
    "turns": [say("user", "a"), say("assistant", "b"), say("user", "c"), say("assistant", "d"), say("user", "e")],
    "system turns": [say("system", " Be\n\nbrief. "), say("user", "a"), say("assistant", "b"), say("user", "c")],
    "ends with assistant": [say("user", "a"), say("assistant", "b")],
    "awkward": [say("system", AWKWARD), say("user", AWKWARD), say("assistant", AWKWARD), say("user", AWKWARD)],
    "empty": [say("system", ""), say("user", ""), say("assistant", ""), say("user", "")],
    "none content": [USER, say("assistant", None), USER],
    "no content": [USER, {"role": "assistant"}, USER],
    "two users": [say("user", "a"), say("user", "b")],
    "assistant first": [say("assistant", "a"), say("user", "b")],
    "late system": [say("user", "a"), say("system", "s"), say("user", "b")],
    "two systems": [say("system", "s"), say("system", "t"), say("user", "b")],
    "only system": [say("system", "s")],
    "nothing": [],
    "unknown role": [say("user", "a"), say("critic", "b")],
    "thoughts": [say("user", "a"), say("assistant", "<think>\nhm\n</think>\n\nb"), say("user", "c"),
                 say("assistant", "<think>\nhm 2\n</think>\n\nd"), say("user", "e")],
    "reasoning": [say("user", "a"), say("assistant", "b", reasoning_content="hm\nhm"), say("user", "c"),
                  say("assistant", "d", reasoning_content="hm 2", thinking="T")],
    "reasoning key": [say("user", "a"), say("assistant", "b", reasoning="hm", reasoning_content=""), say("user", "c")],
    "call": [USER, say("assistant", "", tool_calls=[call("get_weather", {"city": "Zürich", "days": 3, "deep": {"a": [1, None, True]}}, id="call_ab12")]),
             say("tool", "{\"t\": 21.5, \"s\": \"<sunny>\"}", name="get_weather", tool_call_id="call_ab12")],
    "call answered": [say("system", "s"), USER, say("assistant", None, tool_calls=[call("get_weather", {"city": "A"}, id="abcdefghi")]),
                      say("tool", "21", name="get_weather", tool_call_id="abcdefghi"), say("assistant", "It is 21."), USER],
    "call text arguments": [USER, say("assistant", "Let me look.", tool_calls=[call("get_weather", "{\"city\": \"A\"}", id="call_1")]),
                            say("tool", "21", tool_call_id="call_1"), USER],
    "calls": [USER, say("assistant", "Both.", reasoning_content="two", tool_calls=[call("get_weather", {"city": "A"}, id="123456789"), call("book", {"guests": [{"name": "é"}], "when": None}, id="987654321")]),
              say("tool", "21", name="get_weather", tool_call_id="123456789"), say("tool", "{\"ok\": true}", name="book", tool_call_id="987654321"), USER],
    "calls with thoughts": [USER, say("assistant", "<think>\nx\n</think>\n\ny", tool_calls=[call("now", {})]), say("tool", ""),
                            say("assistant", "", reasoning_content="z", tool_calls=[call("now", {"n": -1.5e-7, "big": 1e22, "t": True, "s": "a\"b"})]), say("tool", "t")],
    "bare call": [USER, say("assistant", "", tool_calls=[{"name": "now", "arguments": {}}]), say("tool", "t", name="now")],
    "no calls": [USER, say("assistant", "x", tool_calls=[]), USER],
    "tool result as dict": [USER, say("assistant", "", tool_calls=[call("now", {}, id="call_1")]), say("tool", {"a": 1, "é": [None, 2.0]}, name="now", tool_call_id="call_1")],
    "tool result as parts": [USER, say("assistant", "", tool_calls=[call("now", {}, id="call_1")]), say("tool", [{"type": "text", "text": "r"}], name="now", tool_call_id="call_1")],
    "ipython": [USER, say("assistant", "", tool_calls=[call("now", {})]), say("ipython", {"output": "x"})],
    "tool alone": [say("tool", "x", name="now", tool_call_id="q")],
    "parts": [say("system", [{"type": "text", "text": "s"}]), say("user", PARTS), say("assistant", [{"type": "text", "text": "b"}]), say("user", "c")],
    "image url": [say("user", IMAGE_URL)],
    "media": [say("user", MEDIA)],
    "unknown part": [say("user", [{"type": "smell", "smell": "x"}])],
    "empty parts": [say("user", [])],
    "number content": [say("user", 17)],
    "names": [say("user", "a", name="Bo"), say("assistant", "b", name="Al", prefix=True)],
    "long": [m for i in range(12) for m in (say("user", f"q{i}"), say("assistant", f"a{i}"))] + [USER],
}
TOOLS = {"": None, "weather": [WEATHER], "all": [WEATHER, NESTED, BARE, NO_PARAMETERS], "flat": [FLAT], "none": []}
MORE = {
    "": {},
    "no thinking": {"enable_thinking": False, "thinking": False, "reasoning_effort": "low"},
    "thinking": {"enable_thinking": True, "thinking": True, "reasoning_effort": "high", "thinking_budget": 512, "add_vision_id": True},
    "odd": {"documents": [{"title": "T", "text": "é \"x\""}, {"title": "U", "text": "y"}], "builtin_tools": ["browser", "python"],
            "date_string": "26 Jul 2024", "model_identity": "You are X.", "citation_mode": "fast", "tools_in_user_message": False,
            "preserve_thinking": True, "clear_thinking": False, "custom_tools": None, "xml_tools": "x"},
}
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}


def pairs():
    """Every conversation with every tool list and every set of options that can matter to it."""
    for name, talk in TALKS.items():
        uses_tools = any("tool_calls" in m or m["role"] == "tool" for m in talk)
        for tools, more, prompt in itertools.product(TOOLS, MORE, (True, False)):
            wide = uses_tools or name in ("one", "system", "turns", "system turns", "awkward", "late system")
            if tools not in ("", "weather") and not wide:
                continue
            if more == "odd" and tools not in ("", "all"):
                continue
            yield f"{name}/{tools}/{more}/{prompt}", talk, TOOLS[tools], {**TOKENS, **MORE[more]}, prompt


def expected(template, talk, tools, more, prompt):
    try:
        texts, _ = reference.render_jinja_template(
            conversations=[copy.deepcopy(talk)], tools=copy.deepcopy(tools), chat_template=template,
            add_generation_prompt=prompt, **copy.deepcopy(more))
        return texts[0], None
    except Exception as error:  # whatever a template does to itself
        return None, f"{type(error).__name__}: {error}"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("--render", default="build/release/tests/model/text/jinja_render")
    options.add_argument("--show", type=int, default=20, help="templates of which a difference is shown")
    options.add_argument("--errors", action="store_true", help="print each distinct error of both sides")
    flags = options.parse_args()
    files = sorted(flags.folder.glob("*.jinja"))
    total = raising = 0
    wrong = []
    errors = collections.OrderedDict()
    for file in files:
        template = file.read_text(encoding="utf-8")
        cases = list(pairs())
        requests = "".join(
            json.dumps({"template": template, "where": file.name, "now": NOW.isoformat(),
                        "variables": {"messages": talk, "tools": tools, "documents": None,
                                      "add_generation_prompt": prompt, **more}}) + "\n"
            for _, talk, tools, more, prompt in cases)
        answers = subprocess.run([flags.render], input=requests.encode(), capture_output=True, check=True).stdout
        answers = [json.loads(line) for line in answers.decode().split("\n")[:-1]]
        assert len(answers) == len(cases)
        for (name, *case), answer in zip(cases, answers):
            total += 1
            text, error = expected(template, *case)
            raising += error is not None
            if error is not None and "error" in answer:
                errors.setdefault((error, answer["error"]), f"{file.name} {name}")
            if (error is None) != ("out" in answer) or (error is None and text != answer["out"]):
                wrong.append((file.name, name, text if error is None else error, answer))
    seen = set()
    for file, name, want, answer in wrong:
        if file in seen or len(seen) == flags.show:
            continue
        seen.add(file)
        got = answer.get("out", answer.get("error"))
        at = next((i for i, (a, b) in enumerate(zip(want, got)) if a != b), min(len(want), len(got)))
        print(f"{file} {name}\n  reference: {want[max(0, at - 60):at + 80]!r}\n  peira:     {got[max(0, at - 60):at + 80]!r}")
    if flags.errors:
        for (theirs, ours), where in errors.items():
            print(f"{where}\n  reference: {theirs}\n  peira:     {ours}")
    by_file = collections.Counter(file for file, *_ in wrong)
    for file, count in by_file.items():
        print(f"{count} differences in {file}")
    print(f"{len(files)} templates, {total} pairs, {raising} of them raising: {len(wrong)} differences "
          f"(transformers {transformers.__version__}, jinja2 {reference.jinja2.__version__})")
    return 1 if wrong or not total else 0


if __name__ == "__main__":
    sys.exit(main())
