"""The HTTP side: OpenAI's completions, health, and what a server knows of itself."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from refengine import __version__, tokenizer
from refengine.client import EngineClient, EngineDeadError
from refengine.config import EngineConfig

DEFAULT_MAX_TOKENS = 16


class Api:
    """The endpoints of one API server."""

    def __init__(self, config: EngineConfig, client: EngineClient) -> None:
        self._config, self._client = config, client

    def application(self) -> Starlette:
        routes = [
            Route("/health", self.health),
            Route("/v1/models", self.models),
            Route("/v1/completions", self.completions, methods=["POST"]),
        ]
        if "1" in (os.environ.get("REFENGINE_SERVER_DEV_MODE"), os.environ.get("VLLM_SERVER_DEV_MODE")):
            routes.append(Route("/server_info", self.server_info))
        return Starlette(routes=routes)

    async def health(self, _request: Request) -> Response:
        return Response(status_code=503 if self._client.dead else 200)

    async def models(self, _request: Request) -> Response:
        model = {"id": self._config.model.model, "object": "model", "owned_by": "refengine"}
        return JSONResponse({"object": "list", "data": [model]})

    async def server_info(self, request: Request) -> Response:
        config = self._config.as_json()
        as_text = request.query_params.get("config_format", "text") == "text"
        return JSONResponse(
            {
                "vllm_config": str(config) if as_text else config,
                "vllm_env": {name: os.environ[name] for name in os.environ if name.startswith("REFENGINE_")},
                "system_env": {"refengine_version": __version__},
            }
        )

    async def completions(self, request: Request) -> Response:
        try:
            body = json.loads(await request.body())
            prompt = self._prompt(body)
            max_tokens = int(body.get("max_tokens") or DEFAULT_MAX_TOKENS)
        except (ValueError, TypeError, AttributeError) as error:
            return _error(400, str(error))
        if body.get("model") not in (None, self._config.model.model):
            return _error(404, f"The model `{body['model']}` does not exist.")
        completion = Completion(self._config.model.model, self._client, prompt, max_tokens)
        if body.get("stream"):
            usage = bool((body.get("stream_options") or {}).get("include_usage"))
            return StreamingResponse(completion.stream(usage), media_type="text/event-stream")
        try:
            return JSONResponse(await completion.whole())
        except EngineDeadError as error:
            return _error(500, str(error))

    def _prompt(self, body: dict[str, Any]) -> list[int]:
        prompt = body.get("prompt")
        if not isinstance(prompt, str):
            raise ValueError("`prompt` must be a string")  # noqa: TRY004
        tokens = tokenizer.encode(prompt)
        if not 0 < len(tokens) < self._config.model.max_model_len:
            limit = self._config.model.max_model_len
            raise ValueError(f"the prompt has {len(tokens)} tokens; this model takes 1 to {limit - 1}")
        return tokens


class Completion:
    """One request in OpenAI's form. Sampling is greedy: `temperature` changes nothing."""

    def __init__(self, model: str, client: EngineClient, prompt: list[int], max_tokens: int) -> None:
        self._model, self._client = model, client
        self._prompt, self._max_tokens = prompt, max_tokens
        self._created = int(time.time())

    async def whole(self) -> dict[str, Any]:
        tokens: list[int] = []
        async for output in self._client.generate(self._prompt, self._max_tokens):
            tokens += output.tokens
        text = tokenizer.decode(tokens)
        choices = [_choice(text, output.finish_reason)]
        return self._body(output.request_id, choices, self._usage(len(tokens)))

    async def stream(self, usage: bool) -> AsyncIterator[str]:
        produced = 0
        try:
            async for output in self._client.generate(self._prompt, self._max_tokens):
                produced += len(output.tokens)
                choices = [_choice(tokenizer.decode(output.tokens), output.finish_reason)]
                yield _event(self._body(output.request_id, choices, None))
        except EngineDeadError as error:
            yield _event({"error": {"message": str(error), "code": 500}})
        if usage:
            yield _event(self._body("", [], self._usage(produced)))
        yield "data: [DONE]\n\n"

    def _usage(self, produced: int) -> dict[str, int]:
        read = len(self._prompt)
        return {"prompt_tokens": read, "completion_tokens": produced, "total_tokens": read + produced}

    def _body(self, request_id: str, choices: list[Any], usage: dict[str, int] | None) -> dict[str, Any]:
        return {
            "id": request_id,
            "object": "text_completion",
            "created": self._created,
            "model": self._model,
            "choices": choices,
            "usage": usage,
        }


def _choice(text: str, finish_reason: str | None) -> dict[str, Any]:
    return {"index": 0, "text": text, "logprobs": None, "finish_reason": finish_reason}


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body)}\n\n"


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message, "code": status}}, status_code=status)
