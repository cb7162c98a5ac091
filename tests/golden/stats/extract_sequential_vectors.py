"""Copies the reference vectors of section 19 (sequential inference) out of the statistics
specification into sequential_vectors.json.

    python tests/golden/stats/extract_sequential_vectors.py ../shared/statistics.md
"""
import json
import pathlib
import re
import sys

PROCEDURES = ["msprt_normal", "asymptotic_cs", "eb_confidence_sequence", "betting_hedged",
              "sequential_mcnemar", "group_sequential"]

text = pathlib.Path(sys.argv[1]).read_text()
blocks = [json.loads(match.group(1)) for match in re.finditer(r"```json\n(.*?)```", text, re.S)]
lines = [json.dumps(block) for block in blocks if block["proc"] in PROCEDURES]
assert len(lines) == len(PROCEDURES)
target = pathlib.Path(__file__).with_name("sequential_vectors.json")
target.write_text("[\n" + ",\n".join(lines) + "\n]\n")
