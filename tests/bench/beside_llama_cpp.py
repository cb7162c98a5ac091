"""Runs our engine and llama.cpp in turn on one random bf16 qwen3moe GGUF of 1.4 GB, and prints
their rates and ratios. Needs numpy and gguf (PyPI), and llama-bench.

llama.cpp's source comes with its Python binding; build it for this machine:

    pip download --no-deps --no-binary :all: llama-cpp-python==0.3.36 && tar xf llama_cpp_python-*.tar.gz
    cmake -S llama_cpp_python-*/vendor/llama.cpp -B llama -DGGML_NATIVE=ON -DLLAMA_CURL=OFF
    cmake --build llama --target llama-bench -j

    python tests/bench/beside_llama_cpp.py --ours build/release/bench/model_speed_bench \\
        --llama-bench llama/bin/llama-bench --threads 2 --rounds 3
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

HIDDEN, LAYERS, EXPERTS, TOP, WIDTH, VOCAB = 1024, 12, 32, 4, 512, 32000
HEADS, KV_HEADS, HEAD_DIM = 16, 4, 64


def write_gguf(path):
    import gguf
    import numpy

    random = numpy.random.default_rng(1)
    writer = gguf.GGUFWriter(str(path), "qwen3moe")
    writer.add_block_count(LAYERS)
    writer.add_context_length(4096)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(WIDTH)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(HEAD_DIM)
    writer.add_value_length(HEAD_DIM)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_expert_count(EXPERTS)
    writer.add_expert_used_count(TOP)
    writer.add_expert_feed_forward_length(WIDTH)
    writer.add_vocab_size(VOCAB)
    writer.add_tokenizer_model("no_vocab")

    def weights(name, *shape):
        bits = (random.standard_normal(shape, dtype=numpy.float32) * 0.02).view(numpy.uint32)
        bf16 = ((bits + 0x8000) >> 16).astype(numpy.uint16)
        writer.add_tensor(name, bf16.view(numpy.uint8), raw_dtype=gguf.GGMLQuantizationType.BF16)

    def ones(name, size):
        writer.add_tensor(name, numpy.ones(size, dtype=numpy.float32))

    weights("token_embd.weight", VOCAB, HIDDEN)
    weights("output.weight", VOCAB, HIDDEN)
    ones("output_norm.weight", HIDDEN)
    for layer in range(LAYERS):
        p = f"blk.{layer}."
        for name, size in (("attn_norm", HIDDEN), ("ffn_norm", HIDDEN),
                           ("attn_q_norm", HEAD_DIM), ("attn_k_norm", HEAD_DIM)):
            ones(p + name + ".weight", size)
        weights(p + "attn_q.weight", HEADS * HEAD_DIM, HIDDEN)
        weights(p + "attn_k.weight", KV_HEADS * HEAD_DIM, HIDDEN)
        weights(p + "attn_v.weight", KV_HEADS * HEAD_DIM, HIDDEN)
        weights(p + "attn_output.weight", HIDDEN, HEADS * HEAD_DIM)
        router = random.standard_normal((EXPERTS, HIDDEN), dtype=numpy.float32) * 0.02
        writer.add_tensor(p + "ffn_gate_inp.weight", router)
        weights(p + "ffn_gate_exps.weight", EXPERTS, WIDTH, HIDDEN)
        weights(p + "ffn_up_exps.weight", EXPERTS, WIDTH, HIDDEN)
        weights(p + "ffn_down_exps.weight", EXPERTS, HIDDEN, WIDTH)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", required=True)
    parser.add_argument("--llama-bench", required=True)
    parser.add_argument("--threads", default="2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gguf", help="the file, written if it is not there [a temporary one]")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(args.gguf or pathlib.Path(folder) / "moe.gguf")
        if not path.exists():
            write_gguf(path)
        for _ in range(args.rounds):
            ours = json.loads(run(args.ours, args.threads, str(path)))
            rows = json.loads(run(args.llama_bench, "-m", str(path), "-t", args.threads, "-p",
                                  "512", "-n", "48", "-r", "3", "-o", "json"))
            prompt = next(r["avg_ts"] for r in rows if r["n_prompt"] > 0)
            decode = next(r["avg_ts"] for r in rows if r["n_gen"] > 0)
            print(f"prompt {ours['prompt']:.0f} and {prompt:.0f} tok/s: "
                  f"{ours['prompt'] / prompt:.2f}x   decode {ours['decode']:.1f} and {decode:.1f}: "
                  f"{ours['decode'] / decode:.2f}x   batch 16 {ours['batch16']:.0f}: "
                  f"{ours['batch16'] / ours['decode']:.2f}x of one", flush=True)


main()
