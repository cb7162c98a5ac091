"""Makes the logs of other tools that the exchange tests read, and checks our exports with those tools.

    python make.py make FOLDER      writes them (inspect_ai 0.3.285, lm_eval 0.4.13)
    python make.py check FILE...    loads exports of ours: .eval and .json by inspect_ai, folders by lm_eval
"""
import glob
import json
import os
import subprocess
import sys


def make(folder):
    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)
    import inspect_ai.model._model as model_module
    from inspect_ai import Task, eval as run
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import ModelOutput, get_model
    from inspect_ai.scorer import choice
    from inspect_ai.solver import multiple_choice

    # Its token estimate wants a vocabulary from the network.
    model_module.count_text_tokens = lambda text: len(text) // 4 + 1
    samples = [Sample(id=f"c{i}", input=f"Pick {i}", choices=["one", "two", "three", "four"], target="B")
               for i in range(4)]
    for kind in ("eval", "json"):
        replies = [ModelOutput.from_content("mockllm/model", "ANSWER: " + "ABCD"[i]) for i in range(4)]
        task = Task(dataset=MemoryDataset(samples, name="picks"), solver=multiple_choice(), scorer=choice(),
                    name="picks")
        run(task, model=get_model("mockllm/model", custom_outputs=replies), log_dir=".", log_format=kind,
            display="none")

    with open("toy.jsonl", "w") as file:
        for i in range(6):
            doc = {"q": f"What is {i}+{i}?", "choices": [str(2 * i), str(2 * i + 1), "no"], "answer": 0}
            file.write(json.dumps(doc) + "\n")
    common = {"dataset_path": "json", "dataset_kwargs": {"data_files": {"test": "toy.jsonl"}},
              "test_split": "test", "doc_to_text": "Question: {{q}}\nAnswer:"}
    toy = dict(common, task="toy", output_type="multiple_choice", doc_to_choice="{{choices}}",
               doc_to_target="{{answer}}", metric_list=[{"metric": "acc"}, {"metric": "acc_norm"}],
               metadata={"version": 1.0})
    gen = dict(common, task="gen", output_type="generate_until", doc_to_target="{{choices[answer]}}",
               generation_kwargs={"until": ["\n"]}, repeats=2,
               filter_list=[{"name": "strict", "filter": [{"function": "take_first"}]},
                            {"name": "flexible",
                             "filter": [{"function": "lowercase"}, {"function": "take_first"}]}],
               metric_list=[{"metric": "exact_match"}], metadata={"version": 2.0})
    for task in (toy, gen):
        with open(task["task"] + ".yaml", "w") as file:
            json.dump(task, file)  # JSON is YAML
    subprocess.run([sys.executable, "-m", "lm_eval", "--model", "dummy", "--tasks", "toy,gen", "--include_path",
                    ".", "--output_path", ".", "--log_samples"], check=True)


def check(paths):
    for path in paths:
        if os.path.isdir(path):
            from lm_eval.utils import (get_latest_filename, get_results_filenames,
                                       get_sample_results_filenames, make_table)
            files = glob.glob(os.path.join(path, "*"))
            with open(get_latest_filename(get_results_filenames(files))) as file:
                print(make_table(json.load(file)))
            samples = get_latest_filename(get_sample_results_filenames(files))
            with open(samples) as file:
                scores = [json.loads(line)["acc"] for line in file]
            print(samples, len(scores), sum(scores) / len(scores))
        else:
            from inspect_ai.log import read_eval_log, read_eval_log_sample_summaries
            log = read_eval_log(path)
            scores = [next(iter(sample.scores.values())).value for sample in log.samples if sample.scores]
            metrics = {key: metric.value for key, metric in log.results.scores[0].metrics.items()}
            print(path, log.status, len(log.samples), sum(scores) / len(scores), metrics,
                  len(read_eval_log_sample_summaries(path)))


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("make", "check"):
        sys.exit(__doc__)
    make(sys.argv[2]) if sys.argv[1] == "make" else check(sys.argv[2:])
