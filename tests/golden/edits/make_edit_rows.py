"""What aider does with replies in its edit formats, by aider's own code.

    python make_edit_rows.py AIDER > edit_rows.jsonl                        # the frozen rows
    python make_edit_rows.py AIDER --count 20000 --seed 9 > /tmp/rows.jsonl  # more, to compare with
    PEIRA_EDIT_ROWS=/tmp/rows.jsonl evals_edits_test --gtest_filter='*Extra*'

AIDER is a checkout of Aider-AI/aider at 5dc9490; its requirements must be installed. Replies and
files are invented here; aider's tests enter as they are when it runs, and are not kept (--own).
Aider writes wherever a reply says: run this where that does no harm (bwrap --tmpfs / ...); the
workspace is /workspace.

A row is {"format", "fence", "files": {name: text}, "chat": [names], "reply"} and what became of it:
"result" (applied, malformed, broken), "edited", "after" (files that changed), "chat_after",
"errors" and "asks" (what was printed and asked), "read_so_far" (of replies that cannot be read) and
"similar" (for each block that failed: the lines shown, whether REPLACE was there already).
"""

import argparse
import contextlib
import io as text_io
import json
import os
import pathlib
import random
import re
import shutil
import sys


BEFORE = set(pathlib.Path("/").iterdir())


@contextlib.contextmanager
def fresh_root():
    root = pathlib.Path("/workspace")
    root.mkdir()
    try:
        yield root
    finally:
        os.chdir("/")
        shutil.rmtree(root)
        for path in set(pathlib.Path("/").iterdir()) - BEFORE:
            path.unlink() if path.is_file() else shutil.rmtree(path)


class Ordered(dict):
    """A set that keeps the order of its names, where aider's own has none to rely on."""

    def add(self, name):
        self[name] = None
        self.sort()

    def remove(self, name):
        del self[name]

    def sort(self):
        names = sorted(self)
        self.clear()
        for name in names:
            dict.__setitem__(self, name, None)


def watched(function, broken):
    def call(*arguments, **keywords):
        try:
            return function(*arguments, **keywords)
        except ValueError:
            raise
        except Exception as failure:
            broken.append(failure)
            raise
    return call


def run(coders, row):
    Coder, Model, InputOutput = coders
    with fresh_root() as root:
        for name, text in row["files"].items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(text.encode("utf-8", "surrogateescape"))
        io = InputOutput(pretty=False, yes=True)
        os.chdir(root)
        coder = Coder.create(Model, row["format"], io, fnames=[], use_git=False, stream=False,
                             suggest_shell_commands=False)
        coder.root = str(root)
        coder.abs_fnames = Ordered()
        for name in row["chat"]:
            coder.abs_fnames.add(str(root / name))
        coder.choose_fence()
        fence = coder.fence
        io.num_error_outputs = io.num_user_asks = 0
        coder.partial_response_content = row["reply"]
        broken = []
        for name in ("get_edits", "apply_edits", "prepare_to_edit"):
            setattr(coder, name, watched(getattr(coder, name), broken))
        coder.reflected_message = None
        coder.num_malformed_responses = 0
        similar = []
        edited = coder.apply_updates()
        message = coder.reflected_message
        result = "malformed" if coder.num_malformed_responses else "broken" if broken else "applied"
        row = dict(row, fence=list(fence), result=result, edited=sorted(edited),
                   errors=io.num_error_outputs, asks=io.num_user_asks,
                   chat_after=sorted(os.path.relpath(name, root) for name in coder.abs_fnames))
        after = {}
        for folder, _, names in os.walk(root):
            for name in names:
                path = pathlib.Path(folder) / name
                relative = str(path.relative_to(root))
                text = path.read_bytes().decode("utf-8", "surrogateescape")
                if row["files"].get(relative) != text:
                    after[relative] = text
        row["after"] = after
        if message and "\n^^^ " in message and result == "malformed":
            row["read_so_far"] = message[: message.rindex("\n^^^ ")]
        elif (message and result == "malformed" and message.startswith("# ")
              and "SearchReplaceNoExactMatch" not in row["reply"]):
            for part in message.split("\n## SearchReplaceNoExactMatch")[1:]:
                shown = part.split(">>>>>>> REPLACE\n\n")[-1]
                shown = shown.split("The SEARCH section must")[0]
                start = shown.find("\n\n" + fence[0] + "\n")
                lines = ""
                if shown.startswith("Did you mean") and start >= 0:
                    lines = shown[start + len(fence[0]) + 3 :]
                    lines = lines[: lines.rindex("\n" + fence[1] + "\n\n")]
                similar.append([lines, "Are you sure you need" in shown])
            row["similar"] = similar
        return row


# ---- invented replies ----

NAMES = ["a.py", "b.py", "bowling.py", "src/lib.rs", "include/robot.h", "robot.cpp", "Main.java",
         "two_fer.go", "deep/er/x.js", "read me.md", "file1.py", "file2.py"]
LINES = ["def f(x):", "    return x", "    if x:", "        y = 1", "        return y", "x = 1", "x = 2",
         "", "", "    pass", "\tpass", "\tif (a) {", "\t}", "}", "{", "// note", "# note", "    ...", "...",
         "print('ü')", "a", "b", "c", "a  ", "  a", "let s = \"x\";", "class A:", "    def g(self):",
         "        # TODO", "=====", "#include <map>", "return 0;", "\u2028odd", "end\x0b"]
STRAY = ["<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "<<<<<< SEARCH>", ">>>>>>> REPLACE>", "```", "````",
         "```python", "```sh", "```bash", "<source>", "</source>", "<<<<<<< search", "<<<<<<<SEARCH",
         "<<<<<<<  SEARCH", "<<<< SEARCH", "<<<<<<<<<< SEARCH", "<<<<<<< ORIGINAL", "========", "====",
         "// <<<<<<< SEARCH", "   <<<<<<< SEARCH", "  =======  ", ">>>>>>> REPLACE done", "...", "```a.py",
         "```shader", "And:", "`a.py`", "Update `b.py`:", "use `a.py`, `b.py`!"]


def name_line(rng, names):
    name = rng.choice(names + NAMES[:4]) if rng.random() < 0.9 else rng.choice(
        ["", "Here is the code:", "And:", "foo", "path/to/" + rng.choice(names), "x/", "...",
         "n" * 251 + ".py", "../out.py", ".", "a.py/b.py", "é" * 130 + ".py", "nul\0.py"])
    if rng.random() < 0.12 and len(name) > 3:
        at = rng.randrange(len(name))
        name = name[:at] + name[at + 1 :]
    shape = rng.choice(["{}"] * 8 + ["**{}**", "`{}`", "`{}`:", "{}:", "## {}", "### `{}`", "**`{}`**", "**{}**:",
                                     "{} (updated)", "  {}  ", "# {}", "```{}", "File: {}", "[{}]", "\"{}\""])
    return shape.format(name)


def piece(rng, text, loose):
    """Some lines of `text`, changed a little."""
    lines = text.split("\n")
    if len(lines) < 2 or rng.random() < 0.12:
        return [rng.choice(LINES) for _ in range(rng.randrange(4))]
    start = rng.randrange(len(lines))
    lines = lines[start : start + rng.choice([1, 1, 2, 2, 3, 4, 6])]
    if rng.random() < loose:
        change = rng.randrange(9)
        if change == 0:
            lines = ["    " + line for line in lines]
        elif change == 1:
            lines = [line.lstrip() for line in lines]
        elif change == 2:
            cut = min((len(l) - len(l.lstrip()) for l in lines if l.strip()), default=0)
            lines = [line[cut:] for line in lines]
        elif change == 3:
            lines = [""] + lines
        elif change == 4 and len(lines) > 2:
            lines = [lines[0], rng.choice(["...", "    ...", "..."]), lines[-1]]
        elif change == 5:
            at = rng.randrange(len(lines))
            lines[at] = lines[at] + rng.choice([" ", "x", "  "])
        elif change == 6:
            lines = lines + [""]
        elif change == 7:
            lines = [line.replace("    ", "\t") for line in lines]
        else:
            lines = [l for i, l in enumerate(lines) if i != 0 or len(lines) == 1]
    return lines


def block(rng, files, names, fence, fenced):
    name = rng.choice(names)
    search = piece(rng, files.get(name, ""), 0.45)
    replace = list(search)
    for _ in range(rng.choice([0, 1, 1, 2])):
        replace.insert(rng.randrange(len(replace) + 1), rng.choice(LINES))
    if replace and rng.random() < 0.3:
        replace.pop(rng.randrange(len(replace)))
    if rng.random() < 0.06:
        search = []
    if rng.random() < 0.03:
        search, replace = [name], replace
    if rng.random() < 0.04:
        search, replace = [name] + search, [name] + replace
    if rng.random() < 0.05:
        search, replace = [fence[0]] + search + [fence[1]], [fence[0] + "py"] + replace + [fence[1]]
    head = rng.choice(["<<<<<<< SEARCH"] * 12 + ["<<<<< SEARCH", "<<<<<<< SEARCH>", "  <<<<<<< SEARCH", "<<<<<<<<< SEARCH "])
    divider = rng.choice(["======="] * 14 + ["=====", "========= ", "  ======="])
    end = rng.choice([">>>>>>> REPLACE"] * 14 + [">>>>> REPLACE", "  >>>>>>> REPLACE", ">>>>>>> REPLACE "])
    label = name if rng.random() < 0.6 else None
    label = label if label is not None else name_line(rng, names)
    opening = fence[0] + rng.choice(["", "python", "java", "cpp", "sh"])
    lines = [opening, label] if fenced else [label, opening]
    if rng.random() < 0.06:
        lines.insert(1, "")
    if rng.random() < 0.05:
        lines.pop(rng.randrange(2))
    return lines + [head] + search + [divider] + replace + [end, fence[1]]


def listing(rng, files, names, fence):
    name = rng.choice(names)
    label = name if rng.random() < 0.5 else name_line(rng, names)
    lines = [label]
    if rng.random() < 0.15:
        lines.append("")
    lines.append(rng.choice(["", "", "", "", "  "]) + fence[0] + rng.choice(["", "", "python"]))
    lines += [rng.choice(LINES) for _ in range(rng.randrange(6))]
    if rng.random() < 0.9:
        lines.append(fence[1])
    return lines


FENCES = [("```", "```"), ("````", "````"), ("<source>", "</source>"), ("<code>", "</code>")]


def invented(count, seed):
    rng = random.Random(seed)
    for _ in range(count):
        form = rng.choice(["whole", "diff", "diff", "diff-fenced"])
        names = rng.sample(NAMES, rng.choice([1, 1, 1, 2, 2, 3]))
        files = {}
        fence = FENCES[0]
        for name in names:
            text = "\n".join(rng.choice(LINES) for _ in range(rng.randrange(1, 12)))
            if rng.random() < 0.06:
                text += "\n```"
                fence = FENCES[1] if rng.random() < 0.5 else FENCES[2]
            files[name] = text + rng.choice(["\n", "\n", "\n", ""]) if rng.random() < 0.95 else ""
            if rng.random() < 0.04:
                files[name] = files[name].replace("\n", "\r\n")
        chat = list(names)
        if len(names) > 1 and rng.random() < 0.2:
            chat = names[:-1]
        lines = []
        for _ in range(rng.choice([1, 1, 1, 2, 2, 3])):
            if rng.random() < 0.5:
                lines += [rng.choice(["Here it is.", "", "We change `a.py`:", "And:", "First, `b.py`.",
                                      "Now `" + rng.choice(names) + "`, then:"])]
                if rng.random() < 0.6:
                    lines.append("")
            if form == "whole":
                lines += listing(rng, files, names, fence)
            else:
                lines += block(rng, files, names, fence, form == "diff-fenced")
            if rng.random() < 0.6:
                lines.append("")
        for _ in range(rng.choice([0, 0, 0, 0, 1, 1, 2])):
            lines.insert(rng.randrange(len(lines) + 1), rng.choice(STRAY))
        if rng.random() < 0.1 and lines:
            lines.pop(rng.randrange(len(lines)))
        reply = "\n".join(lines) + rng.choice(["\n", "", "\n\n"])
        if rng.random() < 0.03:
            reply = reply.replace("\n", "\r\n")
        yield {"format": form, "files": files, "chat": chat, "reply": reply}


def own_cases(aider):
    """The replies that aider's own tests read, with the files they name."""
    source = (aider / "tests/basic/test_editblock.py").read_text() + (aider / "tests/basic/test_wholefile.py").read_text()
    texts = re.findall(r'(?:edit|response|reply|content)[a-z_]* = (?:f?r?)"""(.*?)"""', source, re.DOTALL)
    texts += re.findall(r'partial_response_content = f?"""(.*?)"""', source, re.DOTALL)
    history = (aider / "tests/fixtures/chat-history.md").read_text()
    texts += [section for section in re.split(r"(?=####\s)", history) if "<<<<<<< SEARCH" in section]
    for text in texts:
        text = text.replace("{fname_a.name}", "a.txt").replace("{sample_file}", "sample.txt")
        named = sorted(set(re.findall(r"[\w/]+\.(?:py|txt|js|cs|rs|go|cpp|java)\b", text)))[:6]
        for form in ("diff", "whole", "diff-fenced"):
            for chat in (named, named[:1], []):
                yield {"format": form, "files": {n: "one\ntwo\nthree\n" for n in chat}, "chat": chat, "reply": text}
    # Blocks on files that hold their SEARCH lines.
    for whole, part, replace in re.findall(
            r'whole = """?(.*?)"""?\n\s+part = """?(.*?)"""?\n\s+replace = """?(.*?)"""?\n', source, re.DOTALL):
        whole, part, replace = (t.encode().decode("unicode_escape") for t in (whole, part, replace))
        reply = f"a.py\n```\n<<<<<<< SEARCH\n{part}=======\n{replace}>>>>>>> REPLACE\n```\n"
        yield {"format": "diff", "files": {"a.py": whole}, "chat": ["a.py"], "reply": reply}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("aider", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--own", action="store_true", help="the replies of aider's own tests instead")
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.aider.resolve()))
    out = sys.stdout
    with contextlib.redirect_stdout(text_io.StringIO()):
        from aider.coders import Coder
        from aider.io import InputOutput
        from aider.models import Model
        model = Model("gpt-4")
    cases = own_cases(arguments.aider) if arguments.own else invented(arguments.count, arguments.seed)
    for case in cases:
        with contextlib.redirect_stdout(text_io.StringIO()), contextlib.redirect_stderr(text_io.StringIO()):
            row = run((Coder, model, InputOutput), case)
        print(json.dumps(row, ensure_ascii=True), file=out)


main()
