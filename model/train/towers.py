"""The towers of peira-mini: `qwen3_omni_moe`'s encoders of pictures and sounds, written for training.

Frames and sounds are small, so each is filled up to a fixed size and many go through at once.
source: arXiv:2509.17765; transformers models/qwen3_omni_moe (Qwen3OmniMoeVisionEncoder, Qwen3OmniMoeAudioEncoder).
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

MERGE = 2  # patches a side of what becomes a token


@dataclass
class VisionShape:
    """Sizes under the names of vision_config."""
    depth: int = 5
    hidden_size: int = 96
    intermediate_size: int = 288
    num_heads: int = 3
    in_channels: int = 3
    patch_size: int = 8
    temporal_patch_size: int = 2
    spatial_merge_size: int = MERGE
    num_position_embeddings: int = 144
    deepstack_visual_indexes: tuple = (1,)
    max_patches: int = 192  # of a frame; training alone

    @property
    def patch_features(self):
        return self.in_channels * self.temporal_patch_size * self.patch_size ** 2


@dataclass
class AudioShape:
    """Sizes under the names of audio_config."""
    d_model: int = 96
    encoder_layers: int = 3
    encoder_attention_heads: int = 3
    encoder_ffn_dim: int = 256
    num_mel_bins: int = 128
    downsample_hidden_size: int = 32
    n_window: int = 50
    max_chunks: int = 7  # of a sound; training alone


TOKENS_PER_CHUNK = 13  # of a second


class EncoderLayer(nn.Module):
    """Layer norm, attention, layer norm, two products: with biases, before the sums."""

    def __init__(self, size, heads, inner, activation, depth, eps):
        super().__init__()
        self.heads, self.activation = heads, activation
        self.norm1, self.norm2 = nn.LayerNorm(size, eps=eps), nn.LayerNorm(size, eps=eps)
        self.qkv, self.proj = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.fc1, self.fc2 = nn.Linear(size, inner), nn.Linear(inner, size)
        for linear in (self.qkv, self.proj, self.fc1, self.fc2):
            nn.init.normal_(linear.weight, std=linear.in_features ** -0.5)
            nn.init.zeros_(linear.bias)
        for linear in (self.proj, self.fc2):
            linear.weight.data *= (2 * depth) ** -0.5

    def forward(self, x, mask, turn, dtype):
        """x [N, T, D]; mask [N, 1, 1, T] true where a key is real; turn(q or k [N, heads, T, d])."""
        y = linear(self.norm1(x.float()), self.qkv, dtype)
        q, k, v = y.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(turn(q), turn(k), v, attn_mask=mask)
        x = x + linear(mixed.transpose(1, 2).flatten(2), self.proj, dtype)
        y = self.activation(linear(self.norm2(x.float()), self.fc1, dtype))
        return x + linear(y, self.fc2, dtype)


def linear(x, layer, dtype):
    bias = None if layer.bias is None else layer.bias.to(dtype)
    return F.linear(x.to(dtype), layer.weight.to(dtype), bias)


class Merger(nn.Module):
    """MERGE^2 patches to a token: norm (of patches, or of what was joined), two products."""

    def __init__(self, size, out_size, norms_joined):
        super().__init__()
        self.joined, self.norms_joined = size * MERGE ** 2, norms_joined
        self.norm = nn.LayerNorm(self.joined if norms_joined else size, eps=1e-6)
        self.fc1, self.fc2 = nn.Linear(self.joined, self.joined), nn.Linear(self.joined, out_size)
        for layer in (self.fc1, self.fc2):
            nn.init.normal_(layer.weight, std=self.joined ** -0.5)
            nn.init.zeros_(layer.bias)
        # As the embeddings of tokens, which are small, or nothing at first.
        self.fc2.weight.data *= 0.0 if norms_joined else 0.05

    def forward(self, x, dtype):
        x = x.float()
        x = self.norm(x.unflatten(1, (-1, MERGE ** 2)).flatten(2)) if self.norms_joined else (
            self.norm(x).unflatten(1, (-1, MERGE ** 2)).flatten(2))
        return linear(F.gelu(linear(x, self.fc1, dtype)), self.fc2, dtype)


def block_places(height, width):
    """(row, column) of the patches of a frame in their order: block by block of MERGE x MERGE."""
    return [(MERGE * r + i, MERGE * c + j) for r in range(height // MERGE) for c in range(width // MERGE)
            for i in range(MERGE) for j in range(MERGE)]


class VisionTower(nn.Module):
    """Frames, each by itself. `grids` are the (rows, columns) of patches that occur."""

    def __init__(self, shape, out_size, grids):
        super().__init__()
        self.shape = shape
        size = shape.hidden_size
        self.patch_embed = nn.Linear(shape.patch_features, size)
        nn.init.normal_(self.patch_embed.weight, std=shape.patch_features ** -0.5)
        nn.init.zeros_(self.patch_embed.bias)
        self.pos_embed = nn.Parameter(torch.randn(shape.num_position_embeddings, size) * 0.2)
        self.blocks = nn.ModuleList(EncoderLayer(size, shape.num_heads, shape.intermediate_size,
                                                 lambda x: F.gelu(x, approximate="tanh"), shape.depth, 1e-6)
                                    for _ in range(shape.depth))
        self.merger = Merger(size, out_size, False)
        self.deepstack = Merger(size, out_size, True)
        spread, angles, is_real = zip(*(self._tables(*grid) for grid in grids))
        self.register_buffer("spread", torch.stack(spread), persistent=False)    # [G, P, positions]
        self.register_buffer("angles", torch.stack(angles), persistent=False)    # [G, P, d/2]
        self.register_buffer("is_real", torch.stack(is_real), persistent=False)  # [G, P]

    def _tables(self, height, width):
        """Of a grid: shares of the learned positions (bilinear, corners aligned), rotary angles, which patches are."""
        shape = self.shape
        side, most = math.isqrt(shape.num_position_embeddings), shape.max_patches
        quarter = shape.hidden_size // shape.num_heads // 4
        inv_freq = 1.0 / 10000 ** (torch.arange(quarter).float() / quarter)
        spread, angles = torch.zeros(most, side * side), torch.zeros(most, 2 * quarter)
        for p, (row, column) in enumerate(block_places(height, width)):
            ends = []
            for at, count in ((row, height), (column, width)):
                place = at * (side - 1) / (count - 1) if count > 1 else 0.0
                low = min(int(place), side - 1)
                ends.append(((low, 1 - (place - low)), (min(low + 1, side - 1), place - low)))
            for r, share_r in ends[0]:
                for c, share_c in ends[1]:
                    spread[p, r * side + c] += share_r * share_c
            angles[p] = torch.cat([row * inv_freq, column * inv_freq])
        return spread, angles, torch.arange(most) < height * width

    def forward(self, patches, grid, dtype):
        """patches [N, P, features] in [-1, 1], grid [N] -> (embeddings, deepstack features) [N, P / MERGE^2, H]."""
        cos, sin = self.angles.cos()[grid].unsqueeze(1), self.angles.sin()[grid].unsqueeze(1)

        def turn(x):
            a, b = x.float().chunk(2, dim=-1)
            return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1).to(dtype)

        x = linear(patches, self.patch_embed, dtype).float() + (self.spread @ self.pos_embed)[grid]
        mask = self.is_real[grid][:, None, None, :]
        for index, block in enumerate(self.blocks):
            x = block(x, mask, turn, dtype)
            if index == self.shape.deepstack_visual_indexes[0]:
                deep = self.deepstack(x, dtype)
        return self.merger(x, dtype), deep


class AudioTower(nn.Module):
    """Sounds of at most max_chunks seconds, each by itself."""

    def __init__(self, shape, out_size):
        super().__init__()
        self.shape = shape
        channels, size = shape.downsample_hidden_size, shape.d_model
        self.conv1 = nn.Conv2d(1, channels, 3, 2, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, 2, padding=1)
        self.conv3 = nn.Conv2d(channels, channels, 3, 2, padding=1)
        self.conv_out = nn.Linear(channels * (shape.num_mel_bins // 8), size, bias=False)
        self.layers = nn.ModuleList(EncoderLayer(size, shape.encoder_attention_heads, shape.encoder_ffn_dim, F.gelu,
                                                 shape.encoder_layers, 1e-5) for _ in range(shape.encoder_layers))
        self.norm = nn.LayerNorm(size, eps=1e-5)
        self.proj1, self.proj2 = nn.Linear(size, size), nn.Linear(size, out_size)
        for layer in (self.conv_out, self.proj1, self.proj2):
            nn.init.normal_(layer.weight, std=layer.in_features ** -0.5)
        self.proj2.weight.data *= 0.05
        half = size // 2
        steps = torch.exp(-math.log(10000) / (half - 1) * torch.arange(half).float())
        angles = torch.arange(TOKENS_PER_CHUNK)[:, None] * steps
        self.register_buffer("positions", torch.cat([angles.sin(), angles.cos()], dim=1), persistent=False)

    def forward(self, frames, num_tokens, dtype):
        """frames [N, chunks, mel bins, 100], num_tokens [N] -> embeddings [N, 13 * chunks, H]."""
        x = frames.flatten(0, 1).unsqueeze(1)
        for conv in (self.conv1, self.conv2, self.conv3):
            x = F.gelu(F.conv2d(x.to(dtype), conv.weight.to(dtype), conv.bias.to(dtype), 2, 1))
        x = linear(x.permute(0, 3, 1, 2).flatten(2), self.conv_out, dtype).float() + self.positions
        x = x.unflatten(0, frames.shape[:2]).flatten(1, 2)
        mask = (torch.arange(x.shape[1], device=x.device) < num_tokens.clamp(min=1)[:, None])[:, None, None, :]
        for layer in self.layers:
            x = layer(x, mask, lambda q: q, dtype)
        return linear(F.gelu(linear(self.norm(x.float()), self.proj1, dtype)), self.proj2, dtype)
