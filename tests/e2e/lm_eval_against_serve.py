#!/usr/bin/env python3
"""lm-evaluation-harness's own client (local-completions) against `peira serve`.

    lm_eval_against_serve.py PEIRA TOKENIZER_FOLDER

Runs two small tasks: multiple choice by log-likelihood, and generation. Then every log-likelihood
that the harness got is compared with what `peira generate --prompt-logprobs` gives for the same
tokens. Prints a line of JSON; exit 0: equal, 1: not, 77: lm_eval is not installed (a skip).
Made with lm_eval 0.4.9 and later.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
try:
    import lm_eval
    from lm_eval.tasks import TaskManager
except ImportError:
    print("lm_eval is not installed: pip install 'lm-eval[api]'")
    sys.exit(77)

CHOICE = """
task: peira_choice
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}\\nAnswer:"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: answer
metric_list: [{{metric: acc}}]
"""
GENERATE = """
task: peira_generate
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{target}}}}"
generation_kwargs: {{until: ["\\n"], max_gen_toks: 24, do_sample: false}}
metric_list: [{{metric: exact_match}}]
"""


def main():
    peira, tokenizer = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        with open(folder / "data.jsonl", "w", encoding="utf-8") as out:
            for i in range(20):
                sums = [str(i + 3 + k) for k in range(4)]
                row = {"question": f"What is {i} + 3?", "choices": [" " + s for s in sums],
                       "answer": 0, "target": sums[0]}
                out.write(json.dumps(row) + "\n")
        for name, text in ("choice", CHOICE), ("generate", GENERATE):
            (folder / f"{name}.yaml").write_text(text.format(data=folder / "data.jsonl"))

        server = subprocess.Popen([peira, "serve", "--port", "0", "--threads", "1"],
                                  stderr=subprocess.PIPE, text=True)
        try:
            port = re.search(r":(\d+)/v1", server.stderr.readline()).group(1)
            outcome = lm_eval.simple_evaluate(
                model="local-completions",
                model_args={"model": "bundled", "tokenizer": tokenizer, "num_concurrent": 4,
                            "base_url": f"http://127.0.0.1:{port}/v1/completions",
                            "tokenized_requests": True, "max_length": 4096},
                tasks=["peira_choice", "peira_generate"], log_samples=True,
                task_manager=TaskManager(include_path=str(folder), include_defaults=False))
        finally:
            server.terminate()
            server.wait()

        from transformers import AutoTokenizer
        encode = AutoTokenizer.from_pretrained(tokenizer).encode
        largest = compared = 0
        for sample in outcome["samples"]["peira_choice"]:
            for request, (told, _) in zip(sample["arguments"], sample["filtered_resps"]):
                context, continuation = request
                whole = encode(context + continuation, add_special_tokens=False)
                before = len(encode(context, add_special_tokens=False))
                reply = json.loads(subprocess.run(
                    [peira, "generate", "--tokens", ",".join(map(str, whole)), "--max-tokens", "0",
                     "--prompt-logprobs", "--threads", "1", "--json"],
                    check=True, capture_output=True, text=True).stdout)
                ours = sum(reply["prompt_logprobs"][before:])
                largest = max(largest, abs(ours - float(told)))
                compared += 1
        texts = [s["filtered_resps"][0] for s in outcome["samples"]["peira_generate"]]
        result = {"lm_eval": lm_eval.__version__, "log_likelihoods": compared,
                  "largest_difference": largest, "generated": len(texts),
                  "acc": outcome["results"]["peira_choice"]["acc,none"],
                  "exact_match": outcome["results"]["peira_generate"]["exact_match,none"]}
        print(json.dumps(result))
        return 0 if compared == 80 and largest < 1e-5 and len(texts) == 20 and any(texts) else 1


if __name__ == "__main__":
    sys.exit(main())
