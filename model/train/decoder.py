"""The decoder of peira-mini: the text model of `qwen3_omni_moe`'s thinker, written for training.

On text alone its positions are the same on all three axes, and it is `qwen3_moe`.
source: arXiv:2505.09388 (Qwen3), arXiv:2509.17765 (Qwen3-Omni).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention


@dataclass
class Shape:
    """Sizes under the names of config.json."""
    vocab_size: int = 1536
    hidden_size: int = 256
    num_hidden_layers: int = 6
    num_attention_heads: int = 4
    num_key_value_heads: int = 2
    head_dim: int = 64
    num_experts: int = 8
    num_experts_per_tok: int = 2
    moe_intermediate_size: int = 256
    rope_theta: float = 10000.0
    mrope_section: tuple = (12, 10, 10)  # frequencies turned by time, row, column
    rms_norm_eps: float = 1e-6
    max_position_embeddings: int = 4096
    router_aux_loss_coef: float = 0.01


def normal(*shape, std):
    return nn.Parameter(torch.randn(*shape) * std)


class Layer(nn.Module):
    """A decoder layer.

    Every token visits every expert here and the routing weight is zero for those it was not sent to.
    That is the same function as visiting only the chosen ones, and at this size three dense products
    beat any gather.
    """

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        hidden, dim = shape.hidden_size, shape.head_dim
        std = hidden ** -0.5
        out_scale = (2 * shape.num_hidden_layers) ** -0.5
        self.q_size, self.kv_size = shape.num_attention_heads * dim, shape.num_key_value_heads * dim
        self.input_norm = nn.Parameter(torch.ones(hidden))
        self.post_norm = nn.Parameter(torch.ones(hidden))
        self.q_norm = nn.Parameter(torch.ones(dim))
        self.k_norm = nn.Parameter(torch.ones(dim))
        self.qkv = normal(self.q_size + 2 * self.kv_size, hidden, std=std)
        self.o = normal(hidden, self.q_size, std=self.q_size ** -0.5 * out_scale)
        inner = shape.num_experts * shape.moe_intermediate_size
        self.router = normal(shape.num_experts, hidden, std=0.02)
        self.gate = normal(inner, hidden, std=std)
        self.up = normal(inner, hidden, std=std)
        self.down = normal(hidden, inner, std=shape.moe_intermediate_size ** -0.5 * out_scale)

    def norm(self, x, weight):
        x = x.float()
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.shape.rms_norm_eps) * weight

    def forward(self, x, cos, sin, mask, dtype):
        """x [B, T, H] -> (x, balance loss); mask from document_mask."""
        shape = self.shape
        batch, length, _ = x.shape
        qkv = F.linear(self.norm(x, self.input_norm).to(dtype), self.qkv.to(dtype))
        q, k, v = qkv.split([self.q_size, self.kv_size, self.kv_size], dim=-1)
        q = rotate(self.norm(q.unflatten(-1, (-1, shape.head_dim)), self.q_norm), cos, sin).to(dtype)
        k = rotate(self.norm(k.unflatten(-1, (-1, shape.head_dim)), self.k_norm), cos, sin).to(dtype)
        v = v.unflatten(-1, (-1, shape.head_dim))
        mixed = attend(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), mask)
        x = x + F.linear(mixed.transpose(1, 2).reshape(batch, length, -1), self.o.to(dtype))

        y = self.norm(x, self.post_norm)
        probs = F.linear(y, self.router).softmax(-1)  # [B, T, E]
        top, chosen = probs.topk(shape.num_experts_per_tok, dim=-1)
        weights = torch.zeros_like(probs).scatter(-1, chosen, top / top.sum(-1, keepdim=True))
        share = (weights > 0).float().flatten(0, 1).mean(0) / shape.num_experts_per_tok
        balance = shape.num_experts * (share * probs.flatten(0, 1).mean(0)).sum()

        y = y.to(dtype)
        inner = F.silu(F.linear(y, self.gate.to(dtype))) * F.linear(y, self.up.to(dtype))
        inner = inner.unflatten(-1, (shape.num_experts, -1)) * weights.unsqueeze(-1).to(dtype)
        return x + F.linear(inner.flatten(-2), self.down.to(dtype)), balance


def rotate(x, cos, sin):
    """Rotary embedding. x [B, T, heads, D]; cos, sin [B, T, 1, D/2]."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def frequency_axes(shape):
    """The axis (0 time, 1 row, 2 column) that turns each frequency: interleaved, the rest of them by time. [D/2]"""
    axes = [0] * (shape.head_dim // 2)
    for axis in (1, 2):
        for i in range(axis, 3 * shape.mrope_section[axis], 3):
            axes[i] = axis
    return axes


class Decoder(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.embed = normal(shape.vocab_size, shape.hidden_size, std=0.02)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.num_hidden_layers))
        self.final_norm = nn.Parameter(torch.ones(shape.hidden_size))
        steps = torch.arange(0, shape.head_dim, 2).float() / shape.head_dim
        self.register_buffer("inv_freq", 1.0 / shape.rope_theta ** steps, persistent=False)
        self.register_buffer("axes", torch.tensor(frequency_axes(shape)), persistent=False)

    def forward(self, tokens, positions, mask, dtype, media=None):
        """tokens [B, T], positions [B, T, 3] -> (logits [B, T, vocab], mean balance loss).

        media   None, or (source [B, T], embeddings [N, H], deepstack [N, H]): where source is not 0, that row of
                embeddings stands for the token, and that of deepstack is added behind the first layer.
        """
        angles = positions.float()[..., self.axes].unsqueeze(2) * self.inv_freq
        cos, sin = angles.cos(), angles.sin()
        x = F.embedding(tokens, self.embed).float()
        if media is not None:
            source, embeddings, deepstack = media
            x = torch.where((source > 0).unsqueeze(-1), F.embedding(source, embeddings).float(), x)
        balance = 0.0
        for index, layer in enumerate(self.layers):
            x, layer_balance = layer(x, cos, sin, mask, dtype)
            if media is not None and index == 0:
                x = x + F.embedding(source, deepstack).float()
            balance = balance + layer_balance / len(self.layers)
        x = self.layers[0].norm(x, self.final_norm).to(dtype)
        return F.linear(x, self.embed.to(dtype)), balance


def restarting_positions(documents):
    """Positions of text, which restart in each document. documents [B, T] -> [B, T, 3]"""
    index = torch.arange(documents.shape[1], device=documents.device).expand_as(documents)
    is_first = torch.ones_like(documents, dtype=torch.bool)
    is_first[:, 1:] = documents[:, 1:] != documents[:, :-1]
    positions = index - torch.where(is_first, index, 0).cummax(dim=1).values
    return positions.unsqueeze(-1).expand(-1, -1, 3)


def document_mask(documents, use_flex):
    """Causal attention inside each document, documents [B, T]: what `attend` takes as mask."""
    batch, length = documents.shape
    if use_flex:
        def visible(b, h, q, k):
            return (q >= k) & (documents[b, q] == documents[b, k])

        return create_block_mask(visible, batch, None, length, length, device=documents.device)
    causal = torch.ones(length, length, dtype=torch.bool, device=documents.device).tril()
    return (documents[:, None, :, None] == documents[:, None, None, :]) & causal


def attend(q, k, v, mask):
    """Grouped-query attention. q, k, v [B, heads, T, D]."""
    if isinstance(mask, BlockMask):
        return flex_attention(q, k, v, block_mask=mask, enable_gqa=True)
    group = q.shape[1] // k.shape[1]
    return F.scaled_dot_product_attention(q, k.repeat_interleave(group, 1), v.repeat_interleave(group, 1),
                                          attn_mask=mask)
