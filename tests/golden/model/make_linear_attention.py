#!/usr/bin/env python3
"""Writes linear_attention.json: transformers' PyTorch code for Qwen3-Next's causal convolution and
gated delta rule (the chunked one: two chunks of 64, and the recurrent one) on random inputs.

    python3 tests/golden/model/make_linear_attention.py

Inputs are rounded to multiples of 1/64, so that the file gives them exactly.
"""

import importlib.util
import json
from pathlib import Path

import torch
import torch.nn.functional as F
import transformers
from transformers.models.qwen3_next import modeling_qwen3_next as qwen3_next

CONV = {"tokens": 9, "channels": 3, "width": 4}
DELTA = {"tokens": 70, "key_heads": 1, "value_heads": 2, "key_dim": 4, "value_dim": 3}


def normal(*shape, generator):
    return (torch.randn(*shape, generator=generator) * 64).round() / 64


def numbers(tensor):
    return [float(f"{value:.9g}") for value in tensor.flatten().tolist()]


def conv(generator):
    x = normal(CONV["tokens"], CONV["channels"], generator=generator)
    weight = normal(CONV["channels"], CONV["width"], generator=generator)
    out = qwen3_next.causal_conv1d_fn(x.T.unsqueeze(0), weight, activation="silu")[0].T
    return {**CONV, "x": numbers(x), "weight": numbers(weight), "out": numbers(out)}


def delta(generator):
    tokens, key_heads, value_heads = DELTA["tokens"], DELTA["key_heads"], DELTA["value_heads"]
    q = normal(tokens, key_heads, DELTA["key_dim"], generator=generator)
    k = normal(tokens, key_heads, DELTA["key_dim"], generator=generator)
    v = normal(tokens, value_heads, DELTA["value_dim"], generator=generator)
    a = normal(tokens, value_heads, generator=generator)
    b = normal(tokens, value_heads, generator=generator)
    a_log = normal(value_heads, generator=generator)
    dt_bias = normal(value_heads, generator=generator) - 1
    # As Qwen3NextGatedDeltaNet.forward calls them.
    g = -a_log.exp() * F.softplus(a + dt_bias)
    heads = [x.repeat_interleave(value_heads // key_heads, dim=1) for x in (q, k)]
    given = [x.unsqueeze(0) for x in (*heads, v)]
    gates = {"g": g.unsqueeze(0), "beta": b.sigmoid().unsqueeze(0)}
    out = {}
    for name in ("chunk", "recurrent"):
        rule = getattr(qwen3_next, f"torch_{name}_gated_delta_rule")
        out[name] = rule(*given, **gates, use_qk_l2norm_in_kernel=True)[0][0].reshape(tokens, -1)
    qkv = torch.cat([x.reshape(tokens, -1) for x in (q, k, v)], dim=1)
    return {**DELTA, "qkv": numbers(qkv), "a": numbers(a), "b": numbers(b), "a_log": numbers(a_log),
            "dt_bias": numbers(dt_bias), **{name: numbers(value) for name, value in out.items()}}


if __name__ == "__main__":
    for package in ("causal_conv1d", "fla"):
        if importlib.util.find_spec(package) is not None:
            raise SystemExit(f"{package} is installed and would answer in PyTorch's place")
    seed = torch.Generator().manual_seed(5)
    result = {"versions": {"torch": torch.__version__, "transformers": transformers.__version__},
              "causal_conv": conv(seed), "gated_delta_rule": delta(seed)}
    path = Path(__file__).parent / "linear_attention.json"
    path.write_text("{\n" + ",\n".join(f" {json.dumps(k)}: {json.dumps(v)}" for k, v in result.items()) + "\n}\n")
