"""A tiny mixture-of-experts transformer with random weights: the only module that imports torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from refengine.config import ModelConfig
from refengine.native import Kernel
from refengine.tokenizer import WORDS

SUCCESSOR_WEIGHT = 0.08
"""How strongly the output weights point every token at one successor. It keeps the best token well
ahead of the second best, so that rounding, which differs between batches, never changes the text."""

UNARY = {"neg": torch.neg, "exp": torch.exp, "sqrt": torch.sqrt}
BINARY = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "max": torch.maximum,
}


def evaluate(kernel: Kernel, x: Tensor) -> Tensor:
    """Run a compiled kernel on every element of `x`."""
    stack: list[Tensor] = []
    for operation, operand in kernel:
        if operation == "x":
            stack.append(x)
        elif operation == "push":
            stack.append(torch.full_like(x, operand))
        elif operation in UNARY:
            stack.append(UNARY[operation](stack.pop()))
        else:
            right = stack.pop()
            stack.append(BINARY[operation](stack.pop(), right))
    return stack.pop()


@dataclass
class Sequence:
    """Keys and values of one sequence, per layer [2, heads, length, head size]."""

    cache: list[Tensor]

    @property
    def length(self) -> int:
        return self.cache[0].shape[2]


def normalise(x: Tensor) -> Tensor:
    return functional.rms_norm(x, x.shape[-1:])


class Layer:
    """Attention and experts; weights are [inputs, outputs], drawn in a fixed order."""

    def __init__(self, config: ModelConfig, kernels: dict[str, Kernel], draw: Draw) -> None:
        hidden, experts, inner = config.hidden_size, config.num_experts, config.expert_size
        self.heads, self.per_token = config.num_heads, config.experts_per_token
        self.kernels = kernels
        self.query_key_value = draw(hidden, 3 * hidden)
        self.attention_out = draw(hidden, hidden)
        self.router = draw(hidden, experts)
        self.up = draw(experts, hidden, inner)
        self.down = draw(experts, inner, hidden)

    def attend(self, x: Tensor, sequences: list[tuple[int, int, Sequence]], index: int) -> Tensor:
        """x [tokens, hidden]; each sequence owns the rows start:stop and sees its own past only."""
        projected = normalise(x) @ self.query_key_value
        query, key, value = projected.view(len(x), 3, self.heads, -1).permute(1, 2, 0, 3)
        outputs = []
        for start, stop, sequence in sequences:
            new = torch.stack([key[:, start:stop], value[:, start:stop]])
            past = sequence.cache[index] = torch.cat([sequence.cache[index], new], dim=2)
            scores = query[:, start:stop] @ past[0].transpose(1, 2) / math.sqrt(query.shape[-1])
            future = torch.ones(scores.shape[1:], dtype=torch.bool, device=x.device).triu(
                1 + scores.shape[2] - scores.shape[1]
            )
            weights = scores.masked_fill(future, -math.inf).softmax(dim=-1)
            outputs.append((weights @ past[1]).transpose(0, 1).flatten(1))
        return torch.cat(outputs) @ self.attention_out

    def mix(self, x: Tensor) -> Tensor:
        """x [tokens, hidden] through the best experts of each token."""
        x = normalise(x)
        scores = evaluate(self.kernels["router_scale"], x @ self.router).softmax(dim=-1)
        best = scores.topk(self.per_token, dim=-1)
        gates = torch.zeros_like(scores).scatter(1, best.indices, best.values)
        inner = evaluate(self.kernels["activation"], torch.einsum("th,ehi->tei", x, self.up))
        return torch.einsum("tei,eih,te->th", inner, self.down, gates)


class Draw:
    """Random weights, the same on every machine: drawn on the CPU, scaled by their inputs."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self._generator, self._device = torch.Generator().manual_seed(seed), device

    def __call__(self, *shape: int) -> Tensor:
        return (torch.randn(shape, generator=self._generator) / math.sqrt(shape[-2])).to(self._device)

    def permutation(self, size: int) -> Tensor:
        return torch.randperm(size, generator=self._generator).to(self._device)


class Transformer:
    """Greedy next tokens in float32."""

    def __init__(self, config: ModelConfig, kernels: dict[str, Kernel], device: torch.device) -> None:
        draw = Draw(config.seed, device)
        self.device, self.config = device, config
        self.embedding = normalise(draw(len(WORDS), config.hidden_size))
        self.layers = [Layer(config, kernels, draw) for _ in range(config.num_layers)]
        successors = self.embedding[draw.permutation(len(WORDS))]
        self.head = (SUCCESSOR_WEIGHT * successors + (1 - SUCCESSOR_WEIGHT) * draw(*successors.shape)).T
        rates = torch.exp(torch.arange(0, config.hidden_size, 2, device=device) * (-8.0 / config.hidden_size))
        self._rates = rates

    def begin(self) -> Sequence:
        heads, size = self.config.num_heads, self.config.hidden_size // self.config.num_heads
        return Sequence([torch.zeros(2, heads, 0, size, device=self.device) for _ in self.layers])

    @torch.inference_mode()
    def forward(self, batch: list[tuple[list[int], Sequence]]) -> Tensor:
        """Append tokens to their sequences; logits [sequences, vocabulary] of what comes next."""
        rows: list[tuple[int, int, Sequence]] = []
        tokens: list[int] = []
        positions: list[int] = []
        for new, sequence in batch:
            rows.append((len(tokens), len(tokens) + len(new), sequence))
            positions.extend(range(sequence.length, sequence.length + len(new)))
            tokens.extend(new)
        angles = torch.tensor(positions, device=self.device)[:, None] * self._rates
        x = self.embedding[torch.tensor(tokens, device=self.device)]
        x = x + 0.1 * torch.cat([angles.sin(), angles.cos()], dim=1)
        for index, layer in enumerate(self.layers):
            x = x + layer.attend(x, rows, index)
            x = x + layer.mix(x)
        last = torch.tensor([stop - 1 for _, stop, _ in rows], device=self.device)
        return normalise(x[last]) @ self.head
