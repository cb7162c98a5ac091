#!/usr/bin/env python3
"""Writes tests/golden/gguf/tokenizers/: GGUF files of a vocabulary alone, and answers.json with what
Hugging Face's library makes of texts under the tokenizer.json that each stands for.

    python3 tests/golden/gguf/make_gguf_tokenizers.py      (gguf-py, tokenizers, transformers, jinja2)
    python3 ... --real PEIRA TOKENIZER.json PRE            compares PEIRA on a GGUF of a real tokenizer

The vocabularies are those of tests/golden/text/make_tokenizer_golden.py. The patterns of the
pre-tokenizers are those that the models' own tokenizer.json files declare, as far as llama.cpp's
src/llama-vocab.cpp quotes them; for falcon, deepseek-llm, deepseek-coder and default its own.
"""
import argparse
import copy
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
from gguf import TokenType
from tokenizers import Tokenizer
from transformers.convert_slow_tokenizer import generate_merges

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "text"))
import make_tokenizer_golden as golden  # noqa: E402

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CASED = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
CASED_UP = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
HAN = "[一-龥\u0800-一가-\ud7ff]+"
DEEPSEEK3 = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
             r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
# Letters of the scripts that have case, by code points.
DEEPSEEK_LETTERS = """
    B5 C0-D6 D8-F6 F8-1BA 1BC-1BF 1C4-293 295-2AF 370-373 376 377 37B-37D 37F 386 388-38A 38C 38E-3A1 3A3-3F5
    3F7-481 48A-52F 531-556 10A0-10C5 13A0-13F5 13F8-13FD 1C90-1CBA 1CBD-1CBF 1D00-1D2B 1D6B-1D77 1D79-1D9A
    1E00-1F15 1F18-1F1D 1F20-1F45 1F48-1F4D 1F50-1F57 1F59 1F5B 1F5D 1F5F-1F7D 1F80-1FB4 1FB6-1FBC 1FBE 1FC2-1FC4
    1FC6-1FCC 1FD0-1FD3 1FD6-1FDB 1FE0-1FEC 1FF2-1FF4 1FF6-1FFC 2102 2107 210A-2113 2115 2119-211D 2124 2126 2128
    212A-212D 212F-2134 2139 213C-213F 2145-2149 214E 2183 2184 2C00-2C7B 2C7E-2CE4 2CEB-2CEE 2CF2 2CF3 A640-A66D
    A680-A69B A722-A76F A771-A787 A78B-A78E AB70-ABBF FB00-FB06 FB13-FB17 FF21-FF3A FF41-FF5A 10400-1044F
    104B0-104D3 104D8-104FB 10C80-10CB2 10CC0-10CF2 118A0-118DF 1E900-1E943
"""
LETTERS = "A-Za-z" + "".join("-".join(chr(int(point, 16)) for point in part.split("-")) for part in DEEPSEEK_LETTERS.split())
# name: patterns, normalizer NFC, ignore_merges, whether a text begins with the first token
KINDS = {
    "qwen2": ([golden.QWEN_PATTERN], True, False, False),
    "llama-bpe": ([golden.LLAMA_PATTERN], False, True, True),
    "dbrx": ([golden.LLAMA_PATTERN], False, False, False),
    "gpt-4o": ([f"{CASED}{SHORT}|{CASED_UP}{SHORT}|\\p{{N}}{{1,3}}|{REST}"], False, True, False),
    "tekken": ([f"{CASED}|{CASED_UP}|\\p{{N}}|{REST}"], False, True, True),
    "olmo": ([GPT2], True, False, False),
    "gpt-2": ([GPT2], False, False, False),
    "smollm": ([r"\p{N}", GPT2], False, False, False),
    "deepseek-v3": ([r"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+", DEEPSEEK3], False, False, False),
    "deepseek-llm": ([r"[\r\n]", rf"\s?[{LETTERS}]+", r"\s?[!-/:-~！-／：-～‘-‟　-。]+", r"\s+$", HAN, r"\p{N}+"],
                     False, False, False),
    "deepseek-coder": ([r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", HAN, r"\p{N}"], False, False, False),
    "falcon": ([r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"], False, False, False),
    "default": ([r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"], False, False, False),
}
TEMPLATE = ("{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] | trim }}<|im_end|>\n{% endfor %}"
            "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
TOOL_TEMPLATE = "{{ bos_token }}{{ tools | length }} tools\n" + TEMPLATE


def write(path, description, metadata, scores=None):
    """`description`, a tokenizer.json, as the converter writes its vocabulary."""
    vocabulary = dict(description["model"]["vocab"])
    added = {token["content"]: token for token in description["added_tokens"]}
    vocabulary.update({content: token["id"] for content, token in added.items()})
    size = max(vocabulary.values()) + 3  # two rows of the embedding that stand for no token
    tokens = [f"[PAD{i}]" for i in range(size)]
    kinds = [TokenType.UNUSED] * size
    for token, index in vocabulary.items():
        tokens[index] = token
        if token in added:
            kinds[index] = TokenType.CONTROL if added[token]["special"] else TokenType.USER_DEFINED
        elif scores and token.startswith("<0x") and len(token) == 6:
            kinds[index] = TokenType.BYTE
        else:
            kinds[index] = TokenType.NORMAL
    if scores:
        kinds[vocabulary["<unk>"]] = TokenType.UNKNOWN
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("llama" if scores else "gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    if scores:
        writer.add_token_scores([scores.get(token, -10000.0) for token in tokens])
    else:
        writer.add_token_merges([pair if isinstance(pair, str) else " ".join(pair)
                                 for pair in description["model"]["merges"]])
    for add, value in metadata:
        getattr(writer, add)(value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def byte_level(base, name):
    patterns, has_nfc, ignores_merges, begins = KINDS[name]
    out = copy.deepcopy(base)
    size = max(out["model"]["vocab"].values()) + 1
    out["added_tokens"] += [golden.added("<tool>", size), golden.added("<|im_sep|>", size + 1, special=True)]
    out["normalizer"] = {"type": "NFC"} if has_nfc else None
    out["pre_tokenizer"] = golden.sequence(*[golden.split({"Regex": p}) for p in patterns], golden.BYTES)
    out["model"]["ignore_merges"] = ignores_merges
    ids = {token["content"]: token["id"] for token in out["added_tokens"]}
    first = "<|endoftext|>"
    if begins:
        out["post_processor"] = {"type": "TemplateProcessing", "pair": [],
                                 "single": [{"SpecialToken": {"id": first, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                                 "special_tokens": {first: {"id": first, "ids": [ids[first]], "tokens": [first]}}}
    metadata = [("add_tokenizer_pre", name), ("add_bos_token_id", ids[first]), ("add_eos_token_id", ids["<|im_end|>"])]
    if name == "qwen2":  # the templates, and keys that say what is the case anyway
        metadata += [("add_chat_template", [{"name": "default", "template": TEMPLATE},
                                            {"name": "tool_use", "template": TOOL_TEMPLATE}]),
                     ("add_add_bos_token", False)]
    if name == "gpt-2":
        metadata += [("add_chat_template", TEMPLATE)]
    return out, metadata


def sentence_piece(base, name):
    """Scores as SentencePiece gives BPE pieces: the later the merge that makes one, the lower."""
    out = copy.deepcopy(base)
    scores = {}
    for number, pair in enumerate(out["model"]["merges"]):
        left, right = pair.split(" ") if isinstance(pair, str) else pair
        scores.setdefault(left + right, -float(number))
    by_id = sorted(out["model"]["vocab"].items(), key=lambda item: item[1])
    scores = {piece: scores.get(piece, -1000.0) for piece, _ in by_id}
    size = max(out["model"]["vocab"].values()) + 1
    out["added_tokens"] += [golden.added("<tool>", size), golden.added("<end_of_turn>", size + 1, special=True)]
    metadata = [("add_bos_token_id", 1), ("add_eos_token_id", 2), ("add_unk_token_id", 0)]
    before, after = ["<s>"], []
    if name == "spm_bare":
        before = []
        metadata += [("add_add_space_prefix", False), ("add_add_bos_token", False)]
        out["normalizer"] = golden.replace(" ", "▁")
        out["decoder"] = golden.decoding(golden.replace("▁", " "), {"type": "ByteFallback"}, {"type": "Fuse"})
    if name == "spm_eos":
        after = ["</s>"]
        metadata += [("add_add_eos_token", True), ("add_add_bos_token", True), ("add_add_space_prefix", True)]
    if not before and not after:
        out["post_processor"] = None
    else:
        out["post_processor"] = golden.template(before, after)
    # As transformers makes them of scores: every way to make a piece, the best score first.
    out["model"]["merges"] = [list(pair) for pair in generate_merges(out["model"]["vocab"], scores)]
    return out, metadata, scores


def answers(description, texts):
    reference = Tokenizer.from_str(json.dumps(description))
    out = []
    for text in texts:
        ids = reference.encode(text, add_special_tokens=False).ids
        whole = reference.encode(text, add_special_tokens=True).ids
        out.append({"text": text, "ids": ids, "ids_with_special": whole,
                    "decoded": reference.decode(ids, skip_special_tokens=False)})
    return out


def rendered(template, **variables):
    import transformers.utils.chat_template_utils as utils
    return utils._compile_jinja_template(template).render(**variables)


def write_all():
    folder = HERE / "tokenizers"
    folder.mkdir(exist_ok=True)
    out = {"versions": {"gguf": "0.19.0", "tokenizers": "0.23.3"}, "tokenizers": {}}
    texts = golden.texts(60, 11, ["<tool>", "<|im_sep|>", "<end_of_turn>", "[PAD312]"])
    # Texts that tell the pre-tokenizers from each other.
    texts += ["12345 x1234567", "don't DON'T i'LL", "HTMLParser parseURL", "a//b\n\n\nc", "x.y_z #include <a>", "日本語のテスト123",
              "e\u0301cole", "  two\n   three\r\n\r\n four", "!!!\n$a+b=c^2~|`x`", "Ünïcödé ÇA", "한국어와 中文"]
    base = golden.base()
    for name in KINDS:
        description, metadata = byte_level(base, name)
        write(folder / f"{name}.gguf", description, metadata)
        out["tokenizers"][name] = answers(description, texts)
    for name in ("spm", "spm_bare", "spm_eos"):
        description, metadata, scores = sentence_piece(golden.spm_base(), name)
        write(folder / f"{name}.gguf", description, metadata, scores)
        out["tokenizers"][name] = answers(description, texts)
    messages = [{"role": "user", "content": "  Hello\n"}, {"role": "assistant", "content": "Hi"}]
    shared = {"messages": messages, "add_generation_prompt": True, "bos_token": "<|endoftext|>"}
    out["rendered"] = rendered(TEMPLATE, **shared)
    out["rendered_with_tools"] = rendered(TOOL_TEMPLATE, tools=[{"type": "function"}], **shared)
    (folder / "answers.json").write_text(json.dumps(out) + "\n")


def compare_real(binary, file, pre):
    """Ids of a real byte-level vocabulary through GGUF, against the library on its own file."""
    description = json.loads(Path(file).read_text(encoding="utf-8"))
    reference = Tokenizer.from_file(file)
    texts = golden.texts(2000, 3, [token["content"] for token in description["added_tokens"]][:40])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "real.gguf"
        write(path, description, [("add_tokenizer_pre", pre), ("add_add_bos_token", False)])
        done = subprocess.run([binary, "tokenize", "--model", str(path), "--jsonl"], text=True, capture_output=True,
                              input="".join(json.dumps({"text": text}) + "\n" for text in texts), check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    got = [json.loads(line)["ids"] for line in done.stdout.split("\n") if line]
    wrong = [t for t, ids in zip(texts, got) if reference.encode(t, add_special_tokens=False).ids != ids]
    print(f"{file} as {pre}: {len(texts) - len(wrong)} of {len(texts)} equal", *map(ascii, wrong[:3]))
    return bool(wrong)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", nargs=3, metavar=("PEIRA", "TOKENIZER.json", "PRE"))
    real = parser.parse_args().real
    if real:
        raise SystemExit(compare_real(*real))
    write_all()
