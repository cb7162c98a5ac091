#!/usr/bin/env python3
"""Trains peira-mini, a small member of the `qwen3_omni_moe` family, on conversations of text and with media.

    python3 model/train/train_peira_mini.py --corpus corpus.jsonl --media datasets/generated/media_corpus.py \\
        --num-media 400000 --out model/peira-mini --minutes 20

The corpus holds one {"messages": [{"role", "content"}, ...]} a line; the media corpus is a module whose
conversations(seed, num, first) gives messages with pictures, sounds and clips. This script knows nothing else about
them. It trains a byte-level BPE tokenizer on the text, packs conversations into rows, trains on the assistants' tokens,
and writes a Hugging Face folder (per-expert tensors, bf16) that transformers and the engine load alike. With --from it
goes on from such a folder, or from one of text alone. Needs torch, tokenizers and safetensors.

With --steps the run has a fixed length; with --minutes the learning rate follows the clock and the result depends on
the machine's speed.
"""

import argparse
import multiprocessing
import os
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read as numpy loads: a process a core draws, with a thread each

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import media_rows
from checkpoint import read_checkpoint, write_checkpoint
from decoder import Decoder, Shape, document_mask, restarting_positions
from media_rows import PATCHES, ROW_PAIRS, ROW_SOUNDS, SOUND_TOKENS, TOKENS
from text_rows import FREE_ROWS, pack, start_encoding, train_tokenizer, with_media_tokens
from towers import TOKENS_PER_CHUNK, AudioShape, AudioTower, VisionShape, VisionTower

MEDIA_SEED, HELD_OUT_SEED = 1, 2  # streams of the media corpus


class Mini(nn.Module):
    """Decoder and towers."""

    def __init__(self):
        super().__init__()
        self.decoder = Decoder(Shape())
        out_size = self.decoder.shape.hidden_size
        self.vision = VisionTower(VisionShape(), out_size, media_rows.GRIDS)
        self.audio = AudioTower(AudioShape(), out_size)

    def features(self, media, dtype):
        """(embeddings, deepstack) [1 + rows * (ROW_PAIRS * TOKENS + ROW_SOUNDS * SOUND_TOKENS), H]; row 0 is none."""
        rows = media["grids"].shape[0]
        seen, deep = self.vision(media["patches"], media["grids"].flatten(), dtype)
        heard = self.audio(media["mel"], media["sound_tokens"].flatten(), dtype)
        both = torch.cat([seen.reshape(rows, ROW_PAIRS * TOKENS, -1), heard.reshape(rows, ROW_SOUNDS * SOUND_TOKENS, -1)], 1)
        deep = deep.reshape(rows, ROW_PAIRS * TOKENS, -1)
        deep = F.pad(deep, (0, 0, 0, ROW_SOUNDS * SOUND_TOKENS))
        none = both.new_zeros(1, both.shape[-1])
        return torch.cat([none, both.flatten(0, 1)]), torch.cat([none, deep.flatten(0, 1)])

    def loss(self, text, media, mask, dtype):
        """(mean cross entropy of text's targets, of media's, share of replies' first letters right, balance loss)

        text   tokens, documents, targets [A, T];  media  the same of [B, T], positions, source and the towers' inputs
        mask   of both, text first
        """
        tokens = torch.cat([text["tokens"], media["tokens"]])
        targets = torch.cat([text["targets"], media["targets"]])
        positions = torch.cat([restarting_positions(text["documents"]), media["positions"]])
        row = torch.arange(len(media["source"]), device=tokens.device)[:, None]
        source = torch.where(media["source"] > 0, media["source"] + row * (ROW_PAIRS * TOKENS + ROW_SOUNDS * SOUND_TOKENS), 0)
        source = torch.cat([torch.zeros_like(text["tokens"]), source])
        logits, balance = self.decoder(tokens, positions, mask, dtype, (source, *self.features(media, dtype)))
        wanted = torch.where(targets[:, 1:], tokens[:, 1:], -100)
        logits = logits[:, :-1]
        entropy = F.cross_entropy(logits.flatten(0, 1).float(), wanted.flatten(), ignore_index=-100,
                                  reduction="none").view(wanted.shape)
        cut = len(text["tokens"])
        counts = (wanted != -100).float()
        means = [entropy[part].sum() / counts[part].sum().clamp(min=1) for part in (slice(0, cut), slice(cut, None))]
        # A reply that is a letter alone: the token is a target, the one before is not, the one after ends the reply.
        first = targets[cut:, 1:] & ~targets[cut:, :-1]
        lone = first[:, :-1] & (tokens[cut:, 2:] == 2)
        right = (logits[cut:, :-1].argmax(-1) == tokens[cut:, 1:-1]) & lone
        return *means, torch.stack([right.sum(), lone.sum()]), balance


class MediaData:
    """A joined Shard on the device; batches of its rows."""

    def __init__(self, shard, device):
        self.device = device
        self.arrays = {name: torch.from_numpy(getattr(shard, name).astype(kind)).to(device) for name, kind in (
            ("tokens", np.int16), ("documents", np.int16), ("positions", np.int16), ("source", np.int16), ("targets", bool),
            ("pairs", np.int32), ("sounds", np.int32), ("patches", np.uint8), ("offsets", np.int64), ("grids", np.int64),
            ("mel", np.float16), ("chunks", np.int64), ("sound_tokens", np.int64))}

    def __len__(self):
        return len(self.arrays["tokens"])

    def batch(self, rows):
        """The arguments of Mini.loss for some rows."""
        a = self.arrays
        pairs, sounds = a["pairs"][rows].long(), a["sounds"][rows].long()
        index = torch.arange(PATCHES, device=self.device)
        limit = len(a["patches"]) - 1
        halves = [a["patches"][(a["offsets"][pairs[..., k]].flatten()[:, None] + index).clamp(max=limit)] for k in (0, 1)]
        size = media_rows.PATCH ** 2
        patches = torch.stack([half.view(-1, PATCHES, 3, size) for half in halves], dim=3).flatten(2)
        at = (a["chunks"][sounds].flatten()[:, None] + torch.arange(AudioShape.max_chunks, device=self.device))
        num_tokens = a["sound_tokens"][sounds]
        used = torch.arange(AudioShape.max_chunks, device=self.device) * TOKENS_PER_CHUNK < num_tokens.flatten()[:, None]
        mel = a["mel"][at.clamp(max=len(a["mel"]) - 1)].float() * used[..., None, None]
        return {"tokens": a["tokens"][rows].long(), "documents": a["documents"][rows].int(), "targets": a["targets"][rows],
                "positions": a["positions"][rows].long(), "source": a["source"][rows].long(),
                "patches": patches.float() / 127.5 - 1, "grids": a["grids"][pairs[..., 0]], "mel": mel,
                "sound_tokens": num_tokens}


class TextData:
    def __init__(self, parts, row_length, device):
        packed = [pack(*part, row_length) for part in parts if len(part[1])]
        self.arrays = [torch.from_numpy(np.concatenate(arrays).astype(kind)).to(device)
                       for arrays, kind in zip(zip(*packed), (np.int16, np.int16, bool))]

    def __len__(self):
        return len(self.arrays[0])

    def batch(self, rows):
        tokens, documents, targets = self.arrays
        return {"tokens": tokens[rows].long(), "documents": documents[rows].int(), "targets": targets[rows]}


class Order:
    """Rows in random order, again and again."""

    def __init__(self, count, seed, device):
        self.count, self.device, self.epoch, self.at = count, device, 0, count
        self.generator = torch.Generator().manual_seed(seed)

    def take(self, num):
        if self.at + num > self.count:
            self.order = torch.randperm(self.count, generator=self.generator).to(self.device)
            self.at, self.epoch = 0, self.epoch + 1
        self.at += num
        return self.order[self.at - num:self.at]


# ------------------------------------------------------------------------------------------ training


def make_step(model, device, dtype, batches, log):
    """A function (text, media) -> the losses, compiled if that works here; `batches` gives arguments to try."""
    def mask_of(text, media, use_flex):
        return document_mask(torch.cat([text["documents"], media["documents"]]), use_flex)

    if device == "cpu":
        return lambda text, media: model.loss(text, media, mask_of(text, media, False), dtype)
    for name, use_flex, use_compile in (("flex, compiled", True, True), ("masked, compiled", False, True),
                                        ("masked, eager", False, False)):
        try:
            started = time.time()
            inner = torch.compile(model.loss, dynamic=False) if use_compile else model.loss
            torch._dynamo.config.fail_on_recompile_limit_hit = True  # never fall back in silence

            def step(text, media, inner=inner, use_flex=use_flex):
                return inner(text, media, mask_of(text, media, use_flex), dtype)
            for _ in range(5):
                text, media, _, balance = step(*batches())
                (text + media + balance).backward()
            model.zero_grad(set_to_none=True)
            torch.cuda.synchronize()
            log(f"training step: {name}, ready after {time.time() - started:.0f} s")
            return step
        except Exception as error:  # a compiler that fails on this machine must not cost the run
            log(f"training step: {name} failed: {type(error).__name__}: {str(error)[:400]}")
            torch.cuda.empty_cache()
    raise SystemExit("no way to run a training step")


def make_optimizer(model, args, device):
    """AdamW; what the checkpoint brought learns at --lr, the towers at --tower-lr."""
    groups = {}
    for name, parameter in model.named_parameters():
        is_decoder = name.startswith("decoder.")
        decays = parameter.dim() == 2 and "embed" not in name
        groups.setdefault((is_decoder, decays), []).append(parameter)
    return torch.optim.AdamW([{"params": parameters, "weight_decay": args.weight_decay if decays else 0.0,
                               "peak": args.lr if is_decoder else args.tower_lr}
                              for (is_decoder, decays), parameters in groups.items()],
                             lr=args.lr, betas=(0.9, 0.95), eps=1e-10, fused=device != "cpu")


def train(model, text, media, held_out, step_fn, args, device, log):
    """By the clock or by steps: warm-up, then linear decay."""
    optimizer = make_optimizer(model, args, device)
    texts, medias = Order(len(text), args.seed, device), Order(len(media), args.seed + 1, device)
    started, step, seen = time.time(), 0, 0
    window_start, window_tokens, letters = started, 0, torch.zeros(2, device=device)
    while True:
        done = step / args.steps if args.steps else (time.time() - started) / (60 * args.minutes)
        if done >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * min(1.0, (step + 1) / args.warmup) * max(0.0, 1 - done) ** args.decay_power
        of_text, of_media, right, balance = step_fn(text.batch(texts.take(args.text_rows)),
                                                    media.batch(medias.take(args.media_rows)))
        (of_text + args.media_weight * of_media + model.decoder.shape.router_aux_loss_coef * balance).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        letters += right.detach()
        seen += (args.text_rows + args.media_rows) * args.row_length
        window_tokens += (args.text_rows + args.media_rows) * args.row_length
        if step % 10 == 0 and device != "cpu":
            torch.cuda.synchronize()  # keeps the clock above honest: at most ten steps are in flight
        if step % args.log_every == 0:
            now = time.time()
            log(f"step {step} passes {texts.epoch}, {medias.epoch} tokens {seen / 1e6:.1f}M text {of_text.item():.4f} "
                f"media {of_media.item():.4f} letters {(letters[0] / letters[1]).item():.3f} balance {balance.item():.3f} "
                f"done {done:.2f} {window_tokens / (now - window_start) / 1e6:.2f}M tok/s")
            window_start, window_tokens, letters = now, 0, torch.zeros(2, device=device)
        if held_out is not None and step % (8 * args.log_every) == 0:
            log(f"held out: {evaluate(step_fn, text, held_out, args, device)}")
    seconds = time.time() - started
    log(f"trained {step} steps, {seen / 1e6:.1f}M tokens in {seconds:.0f} s ({seen / seconds / 1e6:.2f}M tok/s), "
        f"{texts.epoch} and {medias.epoch} passes begun")


def evaluate(step_fn, text, held_out, args, device):
    """Loss and lone letters on conversations that training does not see."""
    losses, letters = [], torch.zeros(2, device=device)
    rows = torch.arange(args.text_rows, device=device)
    with torch.no_grad():
        for first in range(0, len(held_out) - args.media_rows + 1, args.media_rows):
            batch = held_out.batch(torch.arange(first, first + args.media_rows, device=device))
            _, loss, right, _ = step_fn(text.batch(rows), batch)
            losses.append(loss.item())
            letters += right
    return f"loss {np.mean(losses):.4f}, letters {(letters[0] / letters[1]).item():.3f} of {int(letters[1])}"


def main():
    parser = argparse.ArgumentParser(description="train peira-mini on conversations of text and with media")
    parser.add_argument("--corpus", type=Path, required=True, help="conversations of text, one JSON object a line")
    parser.add_argument("--media", type=Path, required=True, help="a Python module with conversations(seed, num, first)")
    parser.add_argument("--num-media", type=int, default=400_000, help="conversations with media [400000]")
    parser.add_argument("--num-held-out", type=int, default=4000, help="more of them, to test on while training [4000]")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--from", dest="start", type=Path, help="folder to go on from; its tokenizer is kept")
    parser.add_argument("--minutes", type=float, default=20.0, help="training time [20]")
    parser.add_argument("--steps", type=int, default=0, help="fixed number of steps instead of --minutes")
    parser.add_argument("--text-rows", type=int, default=16, help="rows of text a batch [16]")
    parser.add_argument("--media-rows", type=int, default=16, help="rows with media a batch [16]")
    parser.add_argument("--row-length", type=int, default=2048, help="tokens a row [2048]")
    parser.add_argument("--lr", type=float, default=2e-3, help="of the decoder [2e-3]")
    parser.add_argument("--tower-lr", type=float, default=2e-3)
    parser.add_argument("--media-weight", type=float, default=1.0, help="of the media's loss beside the text's [1]")
    parser.add_argument("--warmup", type=int, default=200, help="steps [200]")
    parser.add_argument("--decay-power", type=float, default=1.0, help="lr = peak * (1 - done)^power [1]")
    parser.add_argument("--weight-decay", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log-every", type=int, default=250)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes that tokenize and draw")
    args = parser.parse_args()

    from tokenizers import Tokenizer

    began = time.time()

    def log(message):
        print(f"[{time.time() - began:6.1f} s] {message}", flush=True)

    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    args.out.mkdir(parents=True, exist_ok=True)
    tokenizer_path = args.out / "tokenizer.json"
    if args.start:
        with_media_tokens(Tokenizer.from_file(str(args.start / "tokenizer.json"))).save(str(tokenizer_path))
    else:
        # In a process of its own: the trainer's threads must not be alive when the pool below forks.
        trainer = multiprocessing.Process(target=train_tokenizer,
                                          args=(args.corpus, Shape.vocab_size - FREE_ROWS, tokenizer_path))
        trainer.start()
        trainer.join()
        if trainer.exitcode:
            raise SystemExit("tokenizer training failed")
    log("tokenizer ready")

    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    pool = multiprocessing.Pool(args.jobs)  # forked before CUDA starts
    held = media_rows.start_making(pool, args.media, tokenizer_path, HELD_OUT_SEED, args.num_held_out, args.row_length, 250)
    shards = media_rows.start_making(pool, args.media, tokenizer_path, MEDIA_SEED, args.num_media, args.row_length)
    encoded = start_encoding(pool, args.jobs, args.corpus, tokenizer_path, args.row_length)

    torch.manual_seed(args.seed)
    torch.backends.cuda.matmul.allow_tf32 = True
    model = Mini()
    if args.start:
        lacking = read_checkpoint(model, args.start)
        log(f"went on from {args.start}; new: {len(lacking)} tensors")
    model.to(device)
    for part in ("decoder", "vision", "audio"):
        log(f"{part}: {sum(p.numel() for p in getattr(model, part).parameters()) / 1e6:.3f}M parameters")
    held = MediaData(media_rows.join(held.get()), device)
    step_fn = make_step(model, device, dtype, lambda: (
        {"tokens": torch.randint(3, 1000, (args.text_rows, args.row_length), device=device),
         "documents": torch.arange(args.row_length, device=device).div(200, rounding_mode="floor").int()
         .expand(args.text_rows, -1).contiguous(),
         "targets": torch.ones(args.text_rows, args.row_length, dtype=torch.bool, device=device)},
        held.batch(torch.randint(len(held), (args.media_rows,), device=device))), log)
    media = MediaData(media_rows.join(shards.get()), device)
    log(f"media: {len(media)} rows, {len(media.arrays['grids'])} frames, {len(media.arrays['chunks'])} sounds, "
        f"{(media.arrays['documents'] >= 0).float().mean().item():.3f} filled, "
        f"{media.arrays['targets'].float().mean().item():.3f} targets")
    text = TextData(encoded.get(), args.row_length, device)
    pool.terminate()
    log(f"text: {len(text)} rows, {text.arrays[2][:2000].float().mean().item():.3f} targets, "
        f"{(text.arrays[1][:2000] >= 0).float().mean().item():.3f} filled")

    train(model, text, media, held, step_fn, args, device, log)
    log(f"held out: {evaluate(step_fn, text, held, args, device)}")
    write_checkpoint(model, Tokenizer.from_file(str(tokenizer_path)), args.out)
    log(f"wrote {args.out}: {sum(f.stat().st_size for f in args.out.iterdir()) / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()
