#!/usr/bin/env python3
"""Answers Aider's polyglot exercises with their own reference solutions, over the OpenAI protocol.

    python3 tests/e2e/reference_solutions_server.py POLYGLOT_BENCHMARK [--port 8766] &
    peira run aider-polyglot --data POLYGLOT_BENCHMARK --model openai:reference@http://127.0.0.1:8766/v1

What a run then calls wrong is a fault of the machine's toolchains or of ours, never of a model.
An exercise is told by the files that its prompt shows; its reply lists the files of `.meta/example*`
or `.meta/exemplar*` under the names of those that they replace.
"""

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def read_exercises(root):
    """[(shown files {path: text}, reference files [(path, text)])] of all exercises below root."""
    exercises = []
    for config in sorted(root.glob("*/exercises/practice/*/.meta/config.json")):
        folder = config.parent.parent
        files = json.loads(config.read_text())["files"]
        shown = {path: (folder / path).read_text() for path in files["solution"]
                 if (folder / path).is_file() and not path.endswith(".toml")}
        reference = [(path, (folder / path).read_text()) for path in
                     files.get("example") or files.get("exemplar") or () if (folder / path).is_file()]
        if shown and reference:
            exercises.append((shown, reference))
    return exercises


def reply_to(prompt, exercises):
    """The listing of the exercise whose files stand in `prompt`; of several, the one with the most text."""
    found = [(sum(map(len, shown.values())), shown, reference) for shown, reference in exercises
             if all(path in prompt and text.strip() in prompt for path, text in shown.items())]
    if not found:
        return "no exercise is known by these files"
    _, shown, reference = max(found, key=lambda exercise: exercise[0])
    left, listings = list(shown), []
    for path, text in reference:
        alike = [name for name in left if Path(name).name == Path(path).name] or [
            name for name in left if Path(name).suffix == Path(path).suffix]
        if alike:
            left.remove(alike[0])
            listings.append(f"{alike[0]}\n```\n{text.rstrip()}\n```\n")
    return "\n".join(listings)


def text_of(message):
    content = message["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmark", type=Path)
    parser.add_argument("--port", type=int, default=8766)
    arguments = parser.parse_args()
    exercises = read_exercises(arguments.benchmark)
    if not exercises:
        parser.error(f"{arguments.benchmark}: no LANGUAGE/exercises/practice/NAME/.meta/config.json in it")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply = reply_to("\n".join(map(text_of, body["messages"])), exercises)
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": reply}}
            data = json.dumps({"id": "reference", "object": "chat.completion", "model": body["model"],
                               "choices": [choice]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    print(f"{len(exercises)} exercises on 127.0.0.1:{arguments.port}", flush=True)
    ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
