"""Writes corpus/: small inputs that the fuzz targets start from, taken from the goldens beside it."""
import json
import pathlib

HERE = pathlib.Path(__file__).parent
CHOSEN = {
    "tokenizers.json": ("as_trained", "merges_as_text", "unknown", "added_tokens", "split_Contiguous_True", "gpt2"),
    "sentencepiece.json": ("llama2", "metaspace_first_False", "metaspace_decoder", "gemma", "eos_too", "added_tokens", "regex_decoder", "accents", "regex_replace",
                           "bytes_in_the_middle", "punctuation_Contiguous", "joined_with_spaces", "strip_two", "ignore_merges"),
}


def pair(merge):
    return merge.split(" ") if isinstance(merge, str) else merge


def main():
    for kind in ("jinja", "tokenizer"):
        (HERE / "corpus" / kind).mkdir(parents=True, exist_ok=True)
    templates = [case["template"] for case in json.loads((HERE / "jinja.json").read_text(encoding="utf-8"))["cases"] if "error" not in case]
    step = len(templates) // 24 + 1
    for index in range(0, len(templates), step):
        path = HERE / "corpus" / "jinja" / f"{index:03d}.jinja"
        path.write_text("\n".join(templates[index:index + step]), encoding="utf-8")
    for file, chosen in CHOSEN.items():
        variants = json.loads((HERE / file).read_text(encoding="utf-8"))
        for variant in variants:
            if variant["name"] in chosen:
                write_tokenizer(variant, variants[0]["tokenizer"]["model"], file.split(".")[0])


def write_tokenizer(variant, first_model, prefix):
    tokenizer = variant["tokenizer"]
    model = {**first_model, **tokenizer["model"]}
    tokenizer["model"] = model
    # Short: mutations then hit what matters.
    words = [item for item in model["vocab"].items() if not item[0].startswith("<0x")]
    known = dict(words[:90] + [item for item in model["vocab"].items() if item[0] in ("<0x0A>", "<0xC3>", "<0xA9>")])
    model["vocab"] = known
    model["merges"] = [m for m in model["merges"] if all(p in known for p in (*pair(m), "".join(pair(m))))][:10]
    if model.get("unk_token") not in known:
        model["unk_token"] = None
    path = HERE / "corpus" / "tokenizer" / f"{prefix}_{variant['name']}.json"
    path.write_text(json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


if __name__ == "__main__":
    main()
