"""Checks gate.junit.xml, gate.github.txt, gate.summary.md and gate.json as their readers would.

    pip install markdown-it-py==3.0.0
    python3 check_gate_outputs.py

JUnit: Python's expat, then the rules that the common schemas share (Ant's JUnit.xsd as Jenkins'
junit-10.xsd and GitLab take it): root testsuites or testsuite; each testsuite has a name and whole
numbers tests, failures, errors, skipped that count its testcases; each testcase has a name, a
classname and a time, and at most one of failure, error, skipped, which have a message and a type;
nothing else but system-out and system-err.
GitHub: lines are read as the runner does (actions/runner, ActionCommand.TryParseV2): "::", the
command up to a space, properties split at "," and "=", "::", data; %0A, %0D, %3A, %2C and %25 are
put back. Markdown: CommonMark with tables by markdown-it-py.
"""

import json
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

here = pathlib.Path(__file__).parent
report = json.loads((here / "gate.json").read_text(encoding="utf-8"))
gates = report["gates"]


def check_junit():
    data = (here / "gate.junit.xml").read_bytes()
    root = ElementTree.fromstring(data)
    assert root.tag == "testsuites", root.tag
    suites = list(root)
    for suite in suites:
        assert suite.tag == "testsuite" and suite.get("name")
        cases = list(suite)
        found = {"tests": len(cases), "failures": 0, "errors": 0, "skipped": 0}
        for case in cases:
            assert case.tag == "testcase", case.tag
            assert case.get("name") and case.get("classname")
            float(case.get("time"))
            assert set(case.attrib) <= {"name", "classname", "time"}
            outcomes = [part for part in case if part.tag in ("failure", "error", "skipped")]
            assert len(outcomes) <= 1
            for part in case:
                assert part.tag in ("failure", "error", "skipped", "system-out", "system-err")
                assert len(part) == 0, "markup of a text became an element"
            for part in outcomes:
                assert part.get("message") is not None and part.get("type")
                found[{"failure": "failures", "error": "errors", "skipped": "skipped"}[part.tag]] += 1
        for name, count in found.items():
            assert suite.get(name) == str(count), (name, suite.get(name), count)
    for name in ("tests", "failures", "errors"):
        assert root.get(name) == str(sum(int(suite.get(name)) for suite in suites))
    cases = [case for suite in suites for case in suite]
    assert len(cases) == len(gates)
    for case, gate in zip(cases, gates):
        tags = {"pass": "system-out", "fail": "failure", "undecided": "error"}
        assert [part.tag for part in case] == [tags[gate["status"]]]


def read_command(line):
    assert line.startswith("::")
    end = line.index("::", 2)
    head, data = line[2:end], line[end + 2 :]
    command, _, rest = head.partition(" ")
    properties = {}
    for pair in filter(None, rest.split(",")):
        key, equals, value = pair.partition("=")
        assert equals, pair
        for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
            value = value.replace(code, char)
        properties[key.strip()] = value
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        data = data.replace(code, char)
    return command, properties, data


def check_github():
    lines = (here / "gate.github.txt").read_text(encoding="utf-8").split("\n")
    assert lines.pop() == ""
    commands = [read_command(line) for line in lines]
    wanted = [gate for gate in gates if gate["status"] != "pass"]
    assert len(commands) == len(wanted) + 1
    for (command, properties, data), gate in zip(commands, wanted):
        assert command == {"fail": "error", "undecided": "warning"}[gate["status"]]
        assert set(properties) == {"title"}
        assert "100%" in data and "%25" not in data, data
        assert "k:v," in data
        assert "\r" not in data and "\n" not in data
    assert commands[1][1]["title"].startswith("gate other.accuracy no worse than a|b")
    assert "::error::x" in commands[1][1]["title"]
    assert commands[-1][:2] == ("notice", {"title": "peira gate"})


def check_markdown():
    from markdown_it import MarkdownIt

    text = (here / "gate.summary.md").read_text(encoding="utf-8")
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inline = [child for token in tokens for child in token.children or []]
    kinds = {child.type for child in inline}
    assert kinds <= {"text", "text_special"}, kinds  # no link, code, emphasis, image or HTML
    blocks = {token.type for token in tokens}
    assert not blocks & {"html_block", "fence", "code_block", "blockquote_open", "list_item_open"}
    html = MarkdownIt("commonmark").enable("table").render(text)
    assert set(re.findall(r"<(/?[a-z0-9]+)", html)) <= {
        tag
        for name in ("h3", "table", "thead", "tbody", "tr", "th", "td", "p")
        for tag in (name, "/" + name)
    }
    tables = html.split("<table>")[1:]
    assert len(tables) == 2
    rows = [re.findall(r"<t[hd]", row) for row in tables[1].split("<tr>")[1:]]
    assert len(rows) == 1 + len(gates) and {len(row) for row in rows} == {5}, rows


check_junit()
check_github()
check_markdown()
print("gate outputs: as their readers take them", file=sys.stderr)
