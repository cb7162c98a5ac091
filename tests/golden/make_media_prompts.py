#!/usr/bin/env python3
"""Writes tests/golden/evals/media_prompts.json: what training shows for rows of the media sample sets.

    python3 tests/golden/make_media_prompts.py        (needs numpy)

Marks such as <image 1> stand where the picture stands; a video stands before its text. The suites must ask the same.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "datasets" / "generated"))

import prompts  # noqa: E402
from media_samples import clip_items, mmmu_items  # noqa: E402

MMMU_ROWS = (0, 13, 14, 239)  # 13 has pictures for options, 14 two pictures
VIDEO_ROWS = (0, 119)

mmmu, clips = mmmu_items(), clip_items()
out = {"mmmu": [], "video-mme": []}
for row in MMMU_ROWS:
    name, item, options, letter = mmmu[row]
    out["mmmu"].append({"row": row, "id": name, "letter": letter, **{
        variant: prompts.mmmu_prompt(item.question, options, variant) for variant in ("official", "chain-of-thought")}})
for row in VIDEO_ROWS:
    video_id, clip, asked = clips[row // 3]
    options, letter = asked[row % 3]
    question = clip.questions[row % 3][1].question
    out["video-mme"].append({"row": row, "id": f"{video_id}-{row % 3 + 1}", "letter": letter, **{
        variant: prompts.video_mme_prompt(question, options, variant) for variant in ("official", "chain-of-thought")}})
(HERE / "evals" / "media_prompts.json").write_text(json.dumps(out, ensure_ascii=False, indent=1) + "\n")
