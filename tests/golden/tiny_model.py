"""What the scripts of the tiny checkpoints of gpt_oss and qwen3_next share: random weights, the
answers of transformers on a folder, and the loop that passes over draws with a near tie.

The files are described in make_tiny_checkpoints.py.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import torch
import transformers
from make_tiny_checkpoints import floats, greedy, write_json, write_weights

VOCAB_SIZE = 48


def make_config(base, changes):
    """`base` with `changes`; a key "-name" removes name."""
    config = {**base, **{k: v for k, v in changes.items() if not k.startswith("-")}}
    for key in changes:
        if key.startswith("-"):
            config.pop(key[1:], None)
    return config


class Random:
    """Random weights from one seed, larger than a usual initialisation, so that a mistake in any
    part moves the logits by far more than rounding does."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def normal(self, *shape):
        return torch.randn(*shape, generator=self.generator)

    def matrix(self, *shape, scale=1.0):
        return self.normal(*shape) * (scale / shape[-1] ** 0.5)

    def integers(self, low, high, shape, dtype=torch.int64):
        return torch.randint(low, high, shape, generator=self.generator).to(dtype)

    def prompt(self, length):
        return self.integers(3, VOCAB_SIZE, (length,)).tolist()


def quantise(config, tensors, scale_dtype):
    """Matrices as float8_e4m3fn with a scale for each block of 128 x 128: w = q * scale."""
    kept = config["quantization_config"]["modules_to_not_convert"] + ["model.embed_tokens"]
    out = {}
    for name, value in tensors.items():
        if value.dim() != 2 or any(name.startswith(module + ".") for module in kept):
            out[name] = value
            continue
        rows, columns = (-(-size // 128) for size in value.shape)
        scales = torch.empty(rows, columns, dtype=scale_dtype)
        quantised = torch.empty(value.shape, dtype=torch.float8_e4m3fn)
        for r in range(rows):
            for c in range(columns):
                at = (slice(128 * r, 128 * (r + 1)), slice(128 * c, 128 * (c + 1)))
                scales[r, c] = value[at].float().abs().max() / 448
                quantised[at] = (value[at].float() / scales[r, c].float()).to(torch.float8_e4m3fn)
        out[name] = quantised
        out[name + "_scale_inv"] = scales
    return out


def dequantise(tensors):
    out = {k: v for k, v in tensors.items() if not k.endswith("_scale_inv")}
    for name, value in out.items():
        if value.dtype == torch.float8_e4m3fn:
            scales = tensors[name + "_scale_inv"].float()
            each = scales.repeat_interleave(128, 0).repeat_interleave(128, 1)
            out[name] = value.float() * each[:value.shape[0], :value.shape[1]]
    return out


def router_margin(model, tokens, router_class):
    """Smallest gap between the last chosen and the first refused expert's probability over all
    sparse layers and tokens; 1 where every expert is chosen."""
    margins = [1.0]

    def hook(module, _, output):
        probs = torch.softmax(output[0].float(), dim=-1).sort(dim=-1, descending=True).values
        k = module.top_k
        if k < probs.shape[-1]:
            margins.append((probs[:, k - 1] - probs[:, k]).min().item())

    routers = [m for m in model.modules() if type(m).__name__ == router_class]
    handles = [router.register_forward_hook(hook) for router in routers]
    with torch.no_grad():
        model(torch.tensor([tokens]))
    for handle in handles:
        handle.remove()
    return min(margins)


def expected_values(folder, about, prompts, router_class):
    """What expected.json says of the checkpoint in `folder`, float32 eager, without a cache."""
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager",
        output_loading_info=True)
    model.eval()
    problems = {k: v for k, v in info.items() if v}
    if problems:
        raise SystemExit(f"{folder}: transformers did not load all tensors: {problems}")
    cases = []
    for tokens in prompts:
        with torch.no_grad():
            logits = model(torch.tensor([tokens]), use_cache=False).logits[0]
        logprobs = torch.log_softmax(logits, dim=-1)
        steps, gaps = greedy(model, tokens, 12)
        cases.append({
            "tokens": tokens,
            "logits": floats(logits),
            "logprobs": floats(torch.stack([logprobs[i - 1, tokens[i]] for i in range(1, len(tokens))])),
            "greedy": steps,
            "greedy_gap": floats(torch.tensor(gaps)),
            "router_margin": float(f"{router_margin(model, tokens + steps, router_class):.4g}"),
        })
    return {
        "about": about,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "computed_in": "float32",
        "attn_implementation": "eager",
        "experts_implementation": "eager",
        "cases": cases,
    }


def write_checkpoint(name, spec, base_config, make_tensors, router_class, out, as_reference=None,
                     as_file=None):
    """One folder. The seed comes from the name, so that adding a folder never changes another.
    Draws with a near tie, between tokens or between experts, are passed over: there two correct
    implementations may differ.

    make_tensors(config, spec, random)       the file's tensors by name, of their final types.
    as_reference(config, tensors)            config and tensors that transformers can load where it
                                             cannot load the folder itself; else the folder.
    as_file(config)                          what config.json says, where it is not `config`.
    """
    seed = sum(ord(c) * 131 ** i for i, c in enumerate(name)) % 2**31
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    config = make_config(base_config, spec["config"])
    write_json(folder / "config.json", as_file(config) if as_file else config)
    for attempt in range(200):
        random = Random(seed + attempt)
        tensors = {k: v.contiguous() for k, v in make_tensors(config, spec, random).items()}
        write_weights(folder, tensors, spec.get("shards", 1))
        prompts = [random.prompt(length) for length in spec["lengths"]]
        if as_reference is None:
            expected = expected_values(folder, spec["about"], prompts, router_class)
        else:
            reference = Path(tempfile.mkdtemp())
            other_config, other_tensors = as_reference(config, tensors)
            write_json(reference / "config.json", other_config)
            write_weights(reference, other_tensors, 1)
            expected = expected_values(reference, spec["about"], prompts, router_class)
            shutil.rmtree(reference)
        gap = min(min(case["greedy_gap"]) for case in expected["cases"])
        margin = min(case["router_margin"] for case in expected["cases"])
        if gap >= 0.02 and margin >= 5e-4:
            break
    else:
        raise SystemExit(f"{name}: every draw has a near tie")
    write_json(folder / "expected.json", expected)
    size = sum(f.stat().st_size for f in folder.iterdir())
    print(f"{name:20} {size:7} bytes  smallest greedy gap {gap:.4f}  smallest router margin {margin:.5f}")


def run(description, checkpoints, write):
    """The command line: write(name, spec, out) for each or for one of `checkpoints`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "tiny")
    parser.add_argument("--only", help="one checkpoint by name")
    args = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    for name, spec in checkpoints.items():
        if args.only in (None, name):
            write(name, spec, args.out)
