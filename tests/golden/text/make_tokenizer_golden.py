"""Writes tokenizers.json: tiny tokenizers of our own with what Hugging Face's library makes of texts.

Small vocabularies are trained on this file's own words, one byte-level and one with byte fallback as
SentencePiece has it (sentencepiece.json); each variant changes a part of one. With --qwen3 FOLDER it writes qwen3.json instead: token ids of the real Qwen3 tokenizer
and digests of its rendered chat template (the files themselves are not kept here).
Made with tokenizers 0.23.3 and transformers 5.17. Run: python make_tokenizer_golden.py [--qwen3 FOLDER]
"""
import argparse
import copy
import hashlib
import json
import pathlib
import random

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
QWEN_PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
                r"|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA_PATTERN = QWEN_PATTERN.replace(r"|\p{N}|", r"|\p{N}{1,3}|")

FRAGMENTS = [
    "the ", "Hello", " world", "I'm", "you'LL", "DON'T", "'ſ", "it'S", " ", "  ", "   ", "\n", "\r\n", "\n\n", "\t", " \n", "\n ",
    "   \n\n   x", "123", "4567890", "3.14", "٣٤٥", "Ⅷ", "½", "²", "é", "e\u0301", "A\u030a", "Å", "ﬁ", "ａ", "한국어", "각", "日本語",
    "中文", "。", "!?", "...", "()[]{}", "<|", "|>", "<think", "</think>", "<|im_start|>", "<|im_end|>", "<tool>", "MASK", "xMASKx", " MASK ",
    "def f(x):\n    return x+1\n", "x  = y", "😀", "👩‍👩‍👧‍👦", "🇩🇪", "👍🏽", "\u200d", "\ufeff", "\u00a0", "\u3000", "\u180e", "\u2028", "\u0000",
    "\u0007", "\u007f", "\ufffd", "नमस्ते", "ไทย", "עברית", "ÄÖÜ", "ß", "Iİıi", "\u1e9b\u0323", "\u0958", "\u212b", "\U0002EBF0", "\U0001E030",
    "\U00010D40", "\ua7cb", "___", "--", "$x^2$", "\\frac{1}{2}", "'s", "’s", "\u0c4d", "q\u0307\u0323", "\u0323\u09fe\u0301", "aaaa",
    "🏳️‍🌈", "🧑🏿‍🚀", "🇩🇪🇫", "👁️‍🗨️", "\u0300\u0301", "a\u0489", "مرحبا بالعالم", "\u202eabc\u202c", "שלום, עולם", "ﷺ", "ख़", "กำ", "\U0001F1E6", "\U00020000", "\U0010FFFF",
    "\x00\x01\x02", "\x1b[0m", "\x85", "\u2029", "\r", "\r\r\n", "\n\r", "\v\f", " \t \t", " " * 17, "\n" * 9, "\u2003\u2009", "0x1F", "1e-9", "1,234,567.89", "１２３", "१२३", "𝟙𝟚",
    "SELECT * FROM t WHERE a != 'b';", "#include <x>\n", "{{ m['role'] }}", "</s>", "<s>", "<unk>", "▁", "▁▁a", "Ġ", "Ċ", "<0x0A>", "<0xE2>", "don’t", "'D'Re'S", "naïve café", "Straße", "ŒUVRE",
    "ΑΣ", "ДЖ", "ǅ", "ŉ", "ﬃ", "㋿", "½¼", "x²", "\ue000", "\ufffe", "\U000E0041", "\u061d", "\U00011F50",
]


def texts(count, seed, extra=()):
    rng = random.Random(seed)
    pieces = FRAGMENTS + list(extra)
    out = ["", " ", "\n", "a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" * 3]
    while len(out) < count:
        kind = rng.random()
        if kind < 0.6:
            out.append("".join(rng.choice(pieces) for _ in range(rng.randint(1, 8))))
        elif kind < 0.7:
            out.append("".join(chr(rng.choice([rng.randint(0, 0x7F), rng.randint(0, 0x2FF)])) for _ in range(rng.randint(1, 20))))
        elif kind < 0.85:
            code = [rng.choice([rng.randint(0, 0xFFFF), rng.randint(0, 0x10FFFF), rng.randint(0x300, 0x36F)]) for _ in range(rng.randint(1, 12))]
            out.append("".join(chr(c) for c in code if not 0xD800 <= c <= 0xDFFF))
        else:
            out.append("".join(rng.choice(" \n\r\tab1.'s") for _ in range(rng.randint(1, 30))))
    return out


def base():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN_PATTERN), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=310, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
                                  special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    corpus = pathlib.Path(__file__).read_text(encoding="utf-8").split("\n") + FRAGMENTS
    tokenizer.train_from_iterator(corpus, trainer)
    return json.loads(tokenizer.to_str())


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}


def sequence(*parts):
    return {"type": "Sequence", "pretokenizers": list(parts)}


def spm_base():
    """A vocabulary as SentencePiece makes it: words begin with U+2581, unknown characters are bytes."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")  # for training only
    special = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % byte for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=520, initial_alphabet=["▁"], limit_alphabet=110, show_progress=False, special_tokens=special)
    tokenizer.train_from_iterator(pathlib.Path(__file__).read_text(encoding="utf-8").split("\n") + FRAGMENTS, trainer)
    description = json.loads(tokenizer.to_str())
    description["pre_tokenizer"] = None
    description["added_tokens"] = description["added_tokens"][:3]
    description["decoder"] = {"type": "Sequence", "decoders": [replace("▁", " "), {"type": "ByteFallback"}, {"type": "Fuse"}, strip(1, 0)]}
    description["post_processor"] = template(["<s>"], [])
    return description


def replace(old, new, kind="String"):
    return {"type": "Replace", "pattern": {kind: old}, "content": new}


def strip(start, stop):
    return {"type": "Strip", "content": " ", "start": start, "stop": stop}


def template(before, after):
    ids = {"<unk>": 0, "<s>": 1, "</s>": 2}
    single = [{"SpecialToken": {"id": token, "type_id": 0}} for token in before] + [{"Sequence": {"id": "A", "type_id": 0}}]
    single += [{"SpecialToken": {"id": token, "type_id": 0}} for token in after]
    tokens = {token: {"id": token, "ids": [ids[token]], "tokens": [token]} for token in before + after}
    pair = single + [{"Sequence": {"id": "B", "type_id": 1}}]
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": tokens}


def metaspace(scheme, cut):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": cut}


def normalizing(*parts):
    return {"type": "Sequence", "normalizers": list(parts)}


def decoding(*parts):
    return {"type": "Sequence", "decoders": list(parts)}


def spm_variants(plain):
    size = max(plain["model"]["vocab"].values()) + 1
    spaces = replace(" ", "▁")

    def change(name, model=None, **parts):
        tokenizer = copy.deepcopy(plain)
        tokenizer.update(parts)
        tokenizer["model"].update(model or {})
        return name, tokenizer

    yield change("llama2")
    yield change("merges_as_text", model={"merges": [" ".join(pair) for pair in plain["model"]["merges"]]})
    for scheme in ("first", "never", "always"):
        for cut in (False, True):
            yield change(f"metaspace_{scheme}_{cut}", normalizer=None, pre_tokenizer=metaspace(scheme, cut))
    yield change("metaspace_decoder", normalizer=None, pre_tokenizer=metaspace("always", True), decoder=metaspace("always", True))
    yield change("metaspace_never_decoder", normalizer=None, pre_tokenizer=metaspace("never", True), decoder=decoding(metaspace("never", True), {"type": "ByteFallback"}))
    yield change("old_metaspace", normalizer=None, pre_tokenizer={"type": "Metaspace", "replacement": "▁", "add_prefix_space": True, "str_rep": "▁"})
    yield change("gemma", normalizer=spaces, pre_tokenizer=split({"String": " "}, "MergedWithPrevious"), decoder=decoding(replace("▁", " "), {"type": "ByteFallback"}, {"type": "Fuse"}))
    yield change("eos_too", post_processor={"type": "Sequence", "processors": [{"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}, template(["<s>"], ["</s>", "</s>"])]})
    yield change("roberta", post_processor={"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1], "trim_offsets": True, "add_prefix_space": False})
    yield change("bert", post_processor={"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1]})
    extra = [added("<n>", size, rstrip=True, special=True), added("</n>", size + 1, lstrip=True), added("<w>", size + 2, single_word=True), added("\n\n", size + 3),
             added("x y", size + 4, normalized=True), added("▁▁", size + 5), added("\n", size + 6)]
    yield change("added_tokens", added_tokens=plain["added_tokens"] + extra)
    yield change("added_tokens_first", added_tokens=plain["added_tokens"] + extra, normalizer=None, pre_tokenizer=metaspace("first", False))
    some = {token: index for token, index in plain["model"]["vocab"].items() if token not in ("<0x0A>", "<0xF0>", "<0xC3>")}
    for fused in (False, True):
        yield change(f"missing_bytes_{fused}", model={"vocab": some, "fuse_unk": fused})
        yield change(f"no_fallback_{fused}", model={"byte_fallback": False, "fuse_unk": fused})
    yield change("no_unknown", model={"byte_fallback": False, "unk_token": None})
    yield change("ignore_merges", model={"ignore_merges": True, "merges": plain["model"]["merges"][:40]}, normalizer=None, pre_tokenizer=metaspace("always", True))
    yield change("joined_with_spaces", decoder=None)
    yield change("strip_two", decoder=decoding(replace("▁", " "), {"type": "ByteFallback"}, {"type": "Fuse"}, strip(2, 0)))
    yield change("strip_each", decoder=decoding(replace("▁", " "), strip(1, 0), {"type": "ByteFallback"}))
    yield change("regex_decoder", decoder=decoding(replace("[▁e]+", "_", "Regex"), {"type": "ByteFallback"}, {"type": "Fuse"}, replace("_a", "A"), {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}))
    yield change("lowercase_strip", normalizer=normalizing({"type": "Strip", "strip_left": True, "strip_right": False}, {"type": "Lowercase"}, spaces), pre_tokenizer=metaspace("first", False))
    yield change("accents", normalizer=normalizing({"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Strip", "strip_left": False, "strip_right": True}, replace(r"\s+", "▁", "Regex")))
    yield change("regex_replace", normalizer=normalizing(replace(r"[aeiou](?=\w)|^\s", "", "Regex"), replace(r"\d*", "#", "Regex"), {"type": "Prepend", "prepend": "<>"}))
    yield change("byte_normalizer", normalizer={"type": "ByteLevel"}, decoder={"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True})
    yield change("whitespace", normalizer=None, pre_tokenizer={"type": "Whitespace"})
    yield change("whitespace_split", normalizer=None, pre_tokenizer=sequence({"type": "WhitespaceSplit"}, {"type": "Digits", "individual_digits": True}, metaspace("always", True)))
    yield change("bert_words", normalizer=None, pre_tokenizer={"type": "BertPreTokenizer"})
    yield change("delimiter", normalizer=None, pre_tokenizer={"type": "CharDelimiterSplit", "delimiter": "e"})
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        yield change(f"punctuation_{behavior}", normalizer=None, pre_tokenizer=sequence({"type": "Punctuation", "behavior": behavior}, metaspace("first", False)))
    yield change("bytes_in_the_middle", normalizer=None, pre_tokenizer=sequence(BYTES, {"type": "Digits", "individual_digits": False}), decoder={"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True})


def added(content, index, **flags):
    out = {"id": index, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    out.update(flags)
    return out


def variants(plain):
    def change(name, **parts):
        tokenizer = copy.deepcopy(plain)
        for key, value in parts.items():
            if key in tokenizer["model"]:
                tokenizer["model"][key] = value
            else:
                tokenizer[key] = value
        return name, tokenizer

    size = len(plain["model"]["vocab"])
    yield change("as_trained")
    yield change("merges_as_text", merges=[" ".join(pair) for pair in plain["model"]["merges"]])
    yield change("no_normalizer", normalizer=None)
    yield change("nfkc", normalizer={"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "NFC"}]})
    yield change("nfd", normalizer={"type": "NFD"})
    yield change("gpt2", normalizer=None, pre_tokenizer={"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True})
    yield change("prefix_after_split", pre_tokenizer=sequence(split({"String": " "}, "Removed"), dict(BYTES, add_prefix_space=True)))
    yield change("llama", pre_tokenizer=sequence(split({"Regex": LLAMA_PATTERN}), BYTES))
    yield change("repeated_interval", pre_tokenizer=sequence(split({"Regex": r"\p{N}{1,3}+|[^0-9]{2}+"}), BYTES))
    yield change("digits", pre_tokenizer=sequence({"type": "Digits", "individual_digits": True}, split({"Regex": r"\s+"}, "MergedWithNext"), BYTES))
    yield change("digit_runs", pre_tokenizer=sequence({"type": "Digits", "individual_digits": False}, BYTES))
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        for invert in (False, True):
            yield change(f"split_{behavior}_{invert}", pre_tokenizer=sequence(split({"Regex": r"[a-m ]"}, behavior, invert), BYTES))
    for name, pattern in (("words", r"\w+|\W"), ("borders", r"\b"), ("inner_borders", r"\B."), ("alpha", r"[[:alpha:]]+|[^[:alnum:]]"), ("upper", r"[[:upper:]]|[[:lower:][:punct:]]+"),
                          ("scripts", r"\p{Han}+|\p{Hiragana}|\p{^Latin}"), ("dotall", r"(?m:a.)|(?i:'S)..|\u0065|[^\w\s]+"), ("ends", r"^.|.$|\A\s|\d+\z")):
        yield change("regex_" + name, pre_tokenizer=sequence(split({"Regex": pattern}), BYTES))
    yield change("ignore_merges", ignore_merges=True, merges=plain["model"]["merges"][:5])
    drop = {key: value for key, value in plain["model"]["vocab"].items() if key not in ("!", "a", "Ċ")}
    merges = [m for m in plain["model"]["merges"] if all(piece in drop for piece in (m[0], m[1], m[0] + m[1]))]
    yield change("missing_bytes", vocab=drop, merges=merges)
    yield change("unknown", vocab=drop, merges=merges, unk_token="<|im_start|>")
    yield change("fused_unknown", vocab=drop, merges=merges, unk_token="<|im_start|>", fuse_unk=True)
    yield change("added_tokens", added_tokens=plain["added_tokens"] + [
        added("<tool>", size, lstrip=True), added("</think>", size + 1, rstrip=True, special=True), added("MASK", size + 2, single_word=True),
        added("<think", size + 3), added("  ", size + 4), added("ﬁ x", size + 5, normalized=True),
        added("é", plain["model"]["vocab"]["é"], normalized=True)])


def write(file, named, count, extra=()):
    out = []
    rng = random.Random(11)
    for index, (name, description) in enumerate(named):
        tokenizer = Tokenizer.from_str(json.dumps(description))
        encodes = []
        for text in texts(90 if name in ("as_trained", "added_tokens", "llama2") else count, 100 + index, extra):
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            encodes.append([text, ids, tokenizer.decode(ids, skip_special_tokens=False), tokenizer.decode(ids, skip_special_tokens=True)])
        decodes = []
        for _ in range(15):
            ids = [rng.randrange(0, tokenizer.get_vocab_size() + 3) for _ in range(rng.randint(1, 10))]
            decodes.append([ids, tokenizer.decode(ids, skip_special_tokens=False), tokenizer.decode(ids, skip_special_tokens=True)])
        row = {"name": name, "tokenizer": description, "encodes": encodes, "decodes": decodes}
        if description.get("post_processor"):
            row["framed"] = tokenizer.encode(" A text.", add_special_tokens=True).ids
        # Most of a file is its vocabulary: it is written once.
        if out and description["model"]["vocab"] == out[0]["tokenizer"]["model"]["vocab"]:
            del description["model"]["vocab"]
            if description["model"]["merges"] == out[0]["tokenizer"]["model"]["merges"]:
                del description["model"]["merges"]
        out.append(row)
    (HERE / file).write_text(json.dumps(out, ensure_ascii=True, separators=(",", ":")) + "\n", encoding="utf-8")
    print(len(out), "variants in", file)


def tiny():
    write("tokenizers.json", variants(base()), 40)
    write("sentencepiece.json", spm_variants(spm_base()), 25, ["<n>", "</n>", "<w>", "a<w>", "<s>", "</s>", "x y", "▁", "▁▁", "<0x41>"])


def conversations():
    user = {"role": "user", "content": "What is 2+3?"}
    system = {"role": "system", "content": "Be brief.\nÜ 😀"}
    answer = {"role": "assistant", "content": "5"}
    thought = {"role": "assistant", "content": "<think>\nadd them\n</think>\n\nIt is 5."}
    reasoning = {"role": "assistant", "content": "It is 5.", "reasoning_content": "\nadd\n"}
    call = {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"b": 3, "a": [1.5, None, "é<>"]}}}]}
    calls = {"role": "assistant", "content": "Calling.", "tool_calls": [{"name": "add", "arguments": "{\"a\": 1}"}, {"name": "sub", "arguments": {}}]}
    result = {"role": "tool", "content": "{\"sum\": 5}"}
    wrapped = {"role": "user", "content": "<tool_response>\nx\n</tool_response>"}
    tools = [{"type": "function", "function": {"name": "add", "description": "Adds \"two\" <numbers> & ü", "parameters": {
        "type": "object", "properties": {"b": {"type": "integer"}, "a": {"type": "number", "default": 1.0}}, "required": ["b"]}}}]
    lists = [
        [user], [system, user], [user, answer, user], [system, user, answer, user], [user, thought], [user, thought, user], [user, reasoning], [user, reasoning, user],
        [user, call, result], [system, user, call, result, answer, user], [user, calls, result, result, user], [user, calls, result, result], [user, call, wrapped], [system, system, user],
        [user, thought, user, thought, user, thought], [user, user], [{"role": "user", "content": "  spaces \n\n"}], [user, {"role": "assistant", "content": "\n\nx\n"}],
        [user, {"role": "assistant", "content": "a</think>b</think>c"}, user], [user, call, result, thought], [user, call, result, reasoning, user, call, result],
    ]
    options = [{}, {"add_generation_prompt": True}, {"add_generation_prompt": True, "enable_thinking": False}, {"add_generation_prompt": True, "enable_thinking": True},
               {"tools": tools, "add_generation_prompt": True}, {"tools": tools * 2, "enable_thinking": False, "add_generation_prompt": True}, {"enable_thinking": None, "add_generation_prompt": True}]
    return [(messages, option) for messages in lists for option in options]


def qwen3(folder):
    from transformers.utils.chat_template_utils import render_jinja_template

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    encodes = []
    digest = hashlib.sha256()
    names = [token["content"] for token in json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["added_tokens"]]
    for index, text in enumerate(texts(1500, 5, names)):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        digest.update((",".join(map(str, ids)) + "\n" + tokenizer.decode(ids, skip_special_tokens=True) + "\n").encode())
        encodes.append([text, ids] if index < 60 else [text])
    renders = []
    for messages, option in conversations():
        rendered, _ = render_jinja_template([messages], chat_template=config["chat_template"], **option)
        renders.append({"messages": messages, "options": option, "sha256": hashlib.sha256(rendered[0].encode()).hexdigest()})
    out = {"encodes": encodes, "digest": digest.hexdigest(), "renders": renders}
    (HERE / "qwen3.json").write_text(json.dumps(out, ensure_ascii=True, separators=(",", ":")) + "\n", encoding="utf-8")
    print(len(encodes), "texts,", len(renders), "conversations")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--qwen3", type=pathlib.Path)
    arguments = parser.parse_args()
    qwen3(arguments.qwen3) if arguments.qwen3 else tiny()
