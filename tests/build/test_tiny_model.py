import json
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest

from bisect_tool.build.tiny_model import MODEL_NAME, TinyModel, ensure_model, write_cached_model, write_model

SMALL = TinyModel(hidden=64, heads=2, layers=1, expert_size=32, vocabulary=128)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"))


def read_tensors(path):
    raw = path.read_bytes()
    (size,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + size])
    assert header.pop("__metadata__") == {"format": "pt"}
    assert size % 8 == 0
    return header, raw[8 + size :]


def test_weights_file_is_complete(folder):
    header, data = read_tensors(folder / "model.safetensors")
    reached = 0
    for entry in header.values():
        begin, end = entry["data_offsets"]
        count = 1
        for extent in entry["shape"]:
            count *= extent
        assert entry["dtype"] == "BF16"
        assert begin == reached
        assert end - begin == 2 * count
        reached = end
    assert reached == len(data)


def test_weights_match_the_configuration(folder):
    config = json.loads((folder / "config.json").read_text())
    header, _ = read_tensors(folder / "model.safetensors")
    shapes = {name: entry["shape"] for name, entry in header.items()}
    hidden, experts, wide = config["hidden_size"], config["num_local_experts"], config["intermediate_size"]
    assert shapes["lm_head.weight"] == shapes["model.embed_tokens.weight"] == [config["vocab_size"], hidden]
    assert shapes["model.layers.0.block_sparse_moe.input_linear.weight"] == [experts, 2 * wide, hidden]
    assert shapes["model.layers.1.block_sparse_moe.output_linear.weight"] == [experts, hidden, wide]
    assert f"model.layers.{config['num_hidden_layers']}.self_attn.q_proj.weight" not in shapes
    assert config["eos_token_id"] is None
    assert hidden // config["num_attention_heads"] >= 32


def test_next_token_has_by_far_the_highest_logit(folder):
    """Embeddings are corners of a cube: scalar products follow from the number of equal signs."""
    config = json.loads((folder / "config.json").read_text())
    header, data = read_tensors(folder / "model.safetensors")
    size, hidden = config["vocab_size"], config["hidden_size"]

    def rows(name):
        begin, end = header[name]["data_offsets"]
        signs = [byte >> 7 for byte in data[begin + 1 : end : 2]]
        return [
            sum(sign << i for i, sign in enumerate(signs[r * hidden : (r + 1) * hidden])) for r in range(size)
        ]

    embeddings, outputs = rows("model.embed_tokens.weight"), rows("lm_head.weight")
    for token, embedding in enumerate(embeddings):
        scores = [hidden - 2 * (embedding ^ output).bit_count() for output in outputs]
        following = (token + 1) % size
        assert scores[following] == hidden
        assert max(score for other, score in enumerate(scores) if other != following) <= hidden * 0.7


def test_every_token_decodes_to_text_and_none_is_special(folder):
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    assert sorted(vocabulary.values()) == list(range(TinyModel().vocabulary))
    assert all(vocabulary)
    assert tokenizer["added_tokens"] == []
    assert "unk_token" not in json.loads((folder / "tokenizer_config.json").read_text())


def test_model_is_deterministic(tmp_path):
    first, second = write_model(tmp_path / "a", SMALL), write_model(tmp_path / "b", SMALL)
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in second.iterdir())
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_cache_has_the_layout_of_the_hub(tmp_path):
    snapshot = write_cached_model(tmp_path, "some/model", SMALL)
    entry = tmp_path / "hub" / "models--some--model"
    revision = (entry / "refs" / "main").read_text()
    assert snapshot == entry / "snapshots" / revision
    assert (snapshot / "config.json").is_file()
    assert len(revision) == 40
    assert write_cached_model(tmp_path, "some/model", TinyModel(hidden=64)) != snapshot


def test_concurrent_callers_write_the_model_once(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        links = set(pool.map(ensure_model, [tmp_path] * 4))
    assert links == {tmp_path / "tiny-model"}
    snapshots = tmp_path / "hf" / "hub" / f"models--{MODEL_NAME.replace('/', '--')}" / "snapshots"
    assert [path.name for path in snapshots.iterdir()] == [(tmp_path / "tiny-model").resolve().name]
    written = (tmp_path / "tiny-model" / "config.json").stat().st_mtime_ns
    ensure_model(tmp_path)
    assert (tmp_path / "tiny-model" / "config.json").stat().st_mtime_ns == written
