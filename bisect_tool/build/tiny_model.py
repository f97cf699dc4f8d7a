"""A tiny mixture-of-experts model folder that a real engine loads: configuration, tokenizer, weights.

The architecture is `GraniteMoeForCausalLM`, that of `ibm-research/PowerMoE-3b`, which the external
load-balancer tests use; tensor names are those of its Hugging Face checkpoint. With these weights, the model
*counts through its vocabulary*: the output row of token `t` is the embedding of token `t - 1`, large compared
with the small noise of the layers. Greedy decoding therefore gives the same tokens with any batching, also in
bfloat16, and never ends early: there is no end-of-sequence token, and every token decodes to text.

Only the standard library is used: weights are written in the safetensors format
(https://github.com/huggingface/safetensors#format): an 8-byte little-endian header length, a JSON header
with the type, shape and byte range of each tensor, then the bytes.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import struct
import tempfile
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MODEL_NAME = "ibm-research/PowerMoE-3b"
_FORMAT = 1
_COMMON_WORDS = ("<unk>", "Hello", ",", " my", " name", " is", "What", " an", " LLM", "?", " the", " a", ".")
_NOISE = 0.02
_CERTAINTY = 0.5
"""Entries of the output rows: the next token leads by about 0.5 * `hidden` logits."""


@dataclass(frozen=True, slots=True)
class TinyModel:
    """Sizes of the model. The defaults work with tensor-parallel sizes 1 and 2.

    CPU kernels reject tiles narrower than 32 columns, so `hidden / heads` and
    `expert_size / tensor_parallel_size` stay at or above that.
    """

    hidden: int = 128
    layers: int = 2
    heads: int = 4
    experts: int = 4
    experts_per_token: int = 2
    expert_size: int = 256
    vocabulary: int = 512
    context: int = 4096
    seed: int = 36624


def write_model(folder: Path, model: TinyModel | None = None) -> Path:
    """Write the whole model into `folder`, which is returned. The bytes depend only on `model`."""
    model = model or TinyModel()
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in _json_files(model).items():
        (folder / name).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    _write_safetensors(folder / "model.safetensors", _shapes(model), lambda name: _tensor(name, model))
    return folder


def write_cached_model(home: Path, name: str = MODEL_NAME, model: TinyModel | None = None) -> Path:
    """Write the model into a Hugging Face cache as `name`, unless it is there; return its snapshot folder.

    With `HF_HOME=home` and `HF_HUB_OFFLINE=1`, an unmodified test finds it there by its name on the hub.
    Snapshots are created atomically, so several processes may do so at once.

    Args:
        home: the folder of the cache, the value of `HF_HOME`.
        name: the model's name on the hub.
        model: its sizes.
    """
    model = model or TinyModel()
    revision = hashlib.sha1(f"{_FORMAT} {model!r}".encode(), usedforsecurity=False).hexdigest()
    entry = home / "hub" / f"models--{name.replace('/', '--')}"
    snapshot = entry / "snapshots" / revision
    if not snapshot.is_dir():
        _create_folder_atomically(snapshot, lambda draft: write_model(draft, model))
    (entry / "refs").mkdir(exist_ok=True)
    main = entry / "refs" / "main"
    if not main.is_file() or main.read_text(encoding="utf-8") != revision:
        _write_atomically(main, lambda draft: draft.write_text(revision, encoding="utf-8"))
    return snapshot


def ensure_model(assets: Path) -> Path:
    """Write the model into `assets/hf` (for `HF_HOME`) if missing; return the link `assets/tiny-model`."""
    snapshot = write_cached_model(assets / "hf")
    link = assets / "tiny-model"
    if not link.is_symlink() or link.readlink() != snapshot:
        _write_atomically(link, lambda draft: draft.symlink_to(snapshot))
    return link


def _write_atomically(path: Path, make: Callable[[Path], object]) -> None:
    """Write a file atomically, because an engine of another trial may be reading it."""
    with tempfile.TemporaryDirectory(dir=path.parent) as temporary:
        draft = Path(temporary) / path.name
        make(draft)
        draft.replace(path)


def _create_folder_atomically(folder: Path, write: Callable[[Path], object]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder.parent))
    try:
        write(draft)
        draft.chmod(0o755)
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():  # another process has made it in the meantime
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _json_files(model: TinyModel) -> dict[str, dict[str, Any]]:
    return {
        "config.json": _configuration(model),
        "generation_config.json": {"eos_token_id": None, "do_sample": True},
        "tokenizer.json": _tokenizer(model),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": model.context,
            "clean_up_tokenization_spaces": False,
            "chat_template": "{% for message in messages %} {{ message['content'] }}{% endfor %}",
        },
    }


def _configuration(model: TinyModel) -> dict[str, Any]:
    return {
        "architectures": ["GraniteMoeForCausalLM"],
        "model_type": "granitemoe",
        "dtype": "bfloat16",
        "vocab_size": model.vocabulary,
        "hidden_size": model.hidden,
        "intermediate_size": model.expert_size,
        "num_hidden_layers": model.layers,
        "num_attention_heads": model.heads,
        "num_key_value_heads": model.heads,
        "num_local_experts": model.experts,
        "num_experts_per_tok": model.experts_per_token,
        "max_position_embeddings": model.context,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "tie_word_embeddings": False,
        "embedding_multiplier": 1.0,
        "logits_scaling": 1.0,
        "residual_multiplier": 1.0,
        "attention_multiplier": (model.hidden // model.heads) ** -0.5,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
        "use_cache": True,
    }


def _words(size: int) -> list[str]:
    syllables = ["".join(pair) for pair in product("bdfgklmnprstvz", "aeiou")]
    made_up = (f" {first}{second}" for first, second in product(syllables, syllables))
    return [*_COMMON_WORDS, *(next(made_up) for _ in range(size - len(_COMMON_WORDS)))]


def _tokenizer(model: TinyModel) -> dict[str, Any]:
    # No special tokens: they would be left out of the decoded text.
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"Regex": r" ?\w+|\s|[^\s\w]"},
            "behavior": "Isolated",
            "invert": False,
        },
        "post_processor": None,
        "decoder": {"type": "Fuse"},
        "model": {
            "type": "WordLevel",
            "vocab": {word: index for index, word in enumerate(_words(model.vocabulary))},
            "unk_token": "<unk>",
        },
    }


def _shapes(model: TinyModel) -> dict[str, tuple[int, ...]]:
    hidden, experts, wide = model.hidden, model.experts, model.expert_size
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (model.vocabulary, hidden)}
    for index in range(model.layers):
        layer = f"model.layers.{index}"
        shapes |= {f"{layer}.self_attn.{part}_proj.weight": (hidden, hidden) for part in "qkvo"}
        shapes |= {
            f"{layer}.input_layernorm.weight": (hidden,),
            f"{layer}.post_attention_layernorm.weight": (hidden,),
            f"{layer}.block_sparse_moe.router.layer.weight": (experts, hidden),
            f"{layer}.block_sparse_moe.input_linear.weight": (experts, 2 * wide, hidden),
            f"{layer}.block_sparse_moe.output_linear.weight": (experts, hidden, wide),
        }
    return shapes | {"model.norm.weight": (hidden,), "lm_head.weight": (model.vocabulary, hidden)}


def _tensor(name: str, model: TinyModel) -> bytes:
    """Little-endian bfloat16 values of one tensor."""
    if name.endswith("norm.weight"):
        return _bfloat16(1.0) * model.hidden
    if name in {"model.embed_tokens.weight", "lm_head.weight"}:
        rows = list(_embeddings(model, 1.0 if name.startswith("model") else _CERTAINTY))
        # Row t of the output is the embedding of t - 1: after token t - 1 the model generates t.
        return b"".join(rows if name.startswith("model") else [rows[-1], *rows[:-1]])
    return _noise(name, _size(_shapes(model)[name]), model.seed)


def _embeddings(model: TinyModel, scale: float) -> Iterator[bytes]:
    """One row per token: a random corner of the hypercube, so any two rows are nearly orthogonal."""
    source = random.Random(model.seed)  # noqa: S311 - reproducible weights, not secrets
    corner = (_bfloat16(-scale), _bfloat16(scale))
    for _ in range(model.vocabulary):
        bits = source.getrandbits(model.hidden)
        yield b"".join(corner[bits >> column & 1] for column in range(model.hidden))


def _noise(name: str, count: int, seed: int) -> bytes:
    levels = [_bfloat16(_NOISE * (level - 127.5) / 127.5) for level in range(256)]
    drawn = random.Random(f"{seed} {name}").randbytes(count)  # noqa: S311 - reproducible weights, not secrets
    return b"".join(map(levels.__getitem__, drawn))


def _bfloat16(value: float) -> bytes:
    return struct.pack("<f", value)[2:]


def _size(shape: tuple[int, ...]) -> int:
    total = 1
    for extent in shape:
        total *= extent
    return total


def _write_safetensors(
    path: Path, shapes: Mapping[str, tuple[int, ...]], content: Callable[[str], bytes]
) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, shape in shapes.items():
        end = offset + 2 * _size(shape)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in shapes:
            file.write(content(name))
