"""What travels between processes, as MessagePack."""

from __future__ import annotations

from typing import Literal

import msgspec

FinishReason = Literal["length", "abort", "error"]


class AddRequest(msgspec.Struct, tag=True):
    """A prompt to continue; the answers go to the API server `client_index`."""

    request_id: str
    client_index: int
    prompt: list[int]
    max_tokens: int


class AbortRequests(msgspec.Struct, tag=True):
    request_ids: list[str]


ToEngine = AddRequest | AbortRequests


class Output(msgspec.Struct):
    """New tokens of one request."""

    request_id: str
    tokens: list[int]
    finish_reason: FinishReason | None = None


class Outputs(msgspec.Struct, tag=True):
    outputs: list[Output]


class EngineReady(msgspec.Struct, tag=True):
    """The workers have loaded the model: requests are welcome."""


class EngineDead(msgspec.Struct, tag=True):
    """The engine core failed; nothing more will come."""


ToClient = Outputs | EngineReady | EngineDead


class Announce(msgspec.Struct, tag=True):
    """A data-parallel rank tells the coordinator that it serves."""

    rank: int


class Step(msgspec.Struct):
    """One pass through the model: sequences to begin, to continue and to forget."""

    begin: dict[str, list[int]]
    proceed: list[str]
    forget: list[str]


Tokens = dict[str, int]
"""The answer to a step: the next token of every sequence in it."""

encode = msgspec.msgpack.Encoder().encode
decode_to_engine = msgspec.msgpack.Decoder(ToEngine).decode
decode_to_client = msgspec.msgpack.Decoder(ToClient).decode
decode_announce = msgspec.msgpack.Decoder(Announce).decode
decode_step = msgspec.msgpack.Decoder(Step).decode
decode_tokens = msgspec.msgpack.Decoder(Tokens).decode
