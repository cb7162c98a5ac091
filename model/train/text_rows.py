"""Conversations of text: chat template, tokenizer, and packing into rows of one length."""

import json

import numpy as np

SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
END_OF_TEXT, IM_START, IM_END = range(3)
# They follow the text's vocabulary, in rows of the embedding that a tokenizer of text leaves free.
MEDIA_TOKENS = {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>", "audio_token": "<|audio_pad|>",
                "vision_bos_token": "<|vision_start|>", "vision_eos_token": "<|vision_end|>",
                "audio_bos_token": "<|audio_start|>", "audio_eos_token": "<|audio_end|>"}
FREE_ROWS = 16

# Words, single digits, punctuation, newlines, blanks: the pattern of the Qwen family.
PRETOKENIZE = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
               r"|\s+(?!\S)|\s+")

CHAT_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' }}"
    "{%- if message['content'] is string %}"
    "{{- message['content'] }}"
    "{%- else %}"
    "{%- for part in message['content'] %}"
    "{%- if part['type'] == 'image' %}"
    "{{- '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{%- elif part['type'] == 'video' %}"
    "{{- '<|vision_start|><|video_pad|><|vision_end|>' }}"
    "{%- elif part['type'] == 'audio' %}"
    "{{- '<|audio_start|><|audio_pad|><|audio_end|>' }}"
    "{%- else %}"
    "{{- part['text'] }}"
    "{%- endif %}"
    "{%- endfor %}"
    "{%- endif %}"
    "{{- '<|im_end|>' + '\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}"
    "{{- '<|im_start|>assistant\\n' }}"
    "{%- endif %}")


def render(messages):
    """CHAT_TEMPLATE on texts, without a generation prompt, in plain Python because corpora are large."""
    return "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages)


def train_tokenizer(corpus, vocab_size, path, num_lines=60000):
    """Byte-level BPE on the first lines of the corpus, the tokens of media behind it, written to `path`."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PRETOKENIZE), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=list(SPECIAL_TOKENS), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())

    def texts():
        with open(corpus, encoding="utf-8") as file:
            for _, line in zip(range(num_lines), file):
                for message in json.loads(line)["messages"]:
                    yield message["role"] + "\n" + message["content"]

    tokenizer.train_from_iterator(texts(), trainer)
    with_media_tokens(tokenizer).save(str(path))


def with_media_tokens(tokenizer):
    """`tokenizer` with MEDIA_TOKENS, which it may have already."""
    from tokenizers import AddedToken

    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in MEDIA_TOKENS.values()])
    return tokenizer


def assistant_mask(ids, assistant_token):
    """True where a token is part of an assistant's reply or the <|im_end|> that ends it.

    ids  [n] whole conversations, one after another.
    """
    index = np.arange(len(ids))
    last_start = np.maximum.accumulate(np.where(ids == IM_START, index, -1))
    ends_before = np.maximum.accumulate(np.where(ids == IM_END, index, -1))
    ends_before = np.concatenate([[-1], ends_before[:-1]])
    # <|im_start|>, "assistant", newline: the reply begins three tokens after the marker.
    role = ids[np.minimum(np.maximum(last_start, 0) + 1, len(ids) - 1)]
    return (role == assistant_token) & (index - last_start >= 3) & (ends_before < last_start)


def assistant_token(tokenizer):
    ids = tokenizer.encode("assistant\n").ids
    if len(ids) != 2:
        raise SystemExit("the tokenizer did not learn 'assistant' as one token: more corpus is needed")
    return ids[0]


def _encode_range(task):
    """Conversations in a byte range of the corpus as (ids, lengths, mask)."""
    from tokenizers import Tokenizer

    corpus, tokenizer_path, start, end, row_length = task
    tokenizer = Tokenizer.from_file(str(tokenizer_path))
    assistant = assistant_token(tokenizer)
    ids, lengths = [], []
    with open(corpus, "rb") as file:
        if start:
            file.seek(start - 1)
            file.readline()  # the line that began in the range before belongs to it
        while file.tell() < end:
            texts = []
            while len(texts) < 1000 and file.tell() < end:
                texts.append(render(json.loads(file.readline())["messages"]))
            for encoding in tokenizer.encode_batch(texts):
                if len(encoding.ids) <= row_length:
                    ids.append(np.array(encoding.ids, dtype=np.uint16))
                    lengths.append(len(encoding.ids))
    if not ids:
        return np.zeros(0, np.uint16), np.zeros(0, np.int32), np.zeros(0, bool)
    ids = np.concatenate(ids)
    return ids, np.array(lengths, dtype=np.int32), assistant_mask(ids, assistant)


def start_encoding(pool, jobs, corpus, tokenizer_path, row_length):
    """Begins to tokenize the corpus; the result's get() gives the arguments of pack(), a part of the corpus each."""
    size = corpus.stat().st_size
    parts = max(1, min(8 * jobs, size // 1_000_000))
    cuts = [size * i // parts for i in range(parts + 1)]
    return pool.map_async(_encode_range, [(corpus, tokenizer_path, a, b, row_length) for a, b in zip(cuts, cuts[1:])],
                          chunksize=1)


def pack(ids, lengths, mask, row_length):
    """Whole conversations in rows: (tokens, document number, is-target), each [rows, row_length]."""
    ends = np.cumsum(lengths)
    rows, first, used = [], 0, 0
    for i, length in enumerate(lengths):
        if used + length > row_length:
            rows.append((first, i))
            first, used = i, 0
        used += length
    rows.append((first, len(lengths)))
    tokens = np.full((len(rows), row_length), END_OF_TEXT, dtype=np.uint16)
    documents = np.full((len(rows), row_length), -1, dtype=np.int16)
    targets = np.zeros((len(rows), row_length), dtype=bool)
    for r, (a, b) in enumerate(rows):
        lo, hi = (ends[a - 1] if a else 0), ends[b - 1]
        tokens[r, :hi - lo] = ids[lo:hi]
        targets[r, :hi - lo] = mask[lo:hi]
        documents[r, :hi - lo] = np.repeat(np.arange(b - a), lengths[a:b])
    return tokens, documents, targets
