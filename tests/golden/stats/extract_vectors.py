"""Copies every block of reference numbers out of the statistics specification into vectors.json,
one block a line. "same" becomes the input it stands for: that of the block's first vector or, where
the first says so itself, of the last block before it that has an argument of that name.

    python tests/golden/stats/extract_vectors.py ../shared/statistics.md
"""
import json
import pathlib
import re
import sys

text = pathlib.Path(sys.argv[1]).read_text()
lines = []
last = {}
for match in re.finditer(r"```json\n(.*?)```", text, re.S):
    block = json.loads(match.group(1))
    first = block["vectors"][0]["in"]
    for vector in block["vectors"]:
        for key, value in vector["in"].items():
            if value == "same":
                vector["in"][key] = last[key] if first[key] == "same" else first[key]
    last.update(first)
    lines.append(json.dumps(block))
target = pathlib.Path(__file__).with_name("vectors.json")
target.write_text("[\n" + ",\n".join(lines) + "\n]\n")
