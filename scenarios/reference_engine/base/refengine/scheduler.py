"""Which sequences take part in the next step."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from refengine.config import EngineConfig
from refengine.messages import AddRequest, FinishReason, Output, Step, Tokens


@dataclass
class Progress:
    request: AddRequest
    produced: int = 0


class Scheduler:
    """First come, first served, with at most `max_num_seqs` at a time."""

    def __init__(self, config: EngineConfig) -> None:
        self._limit = config.scheduler.max_num_seqs
        self._max_model_len = config.model.max_model_len
        self._waiting: deque[AddRequest] = deque()
        self._running: dict[str, Progress] = {}
        self._ended: list[str] = []

    def add(self, request: AddRequest) -> None:
        self._waiting.append(request)

    @property
    def unfinished(self) -> int:
        return len(self._waiting) + len(self._running)

    def schedule(self) -> Step:
        """Everything that runs, and as much of what waits as there is room for."""
        step = Step(begin={}, proceed=list(self._running), forget=self._ended)
        self._ended = []
        while self._waiting and len(self._running) < self._limit:
            request = self._waiting.popleft()
            self._running[request.request_id] = Progress(request)
            step.begin[request.request_id] = request.prompt
        return step

    def update(self, tokens: Tokens) -> list[tuple[int, Output]]:
        """Outputs with the API server each is for."""
        outputs = []
        for request_id, token in tokens.items():
            progress = self._running[request_id]
            progress.produced += 1
            request = progress.request
            length = len(request.prompt) + progress.produced
            ends = progress.produced >= request.max_tokens or length >= self._max_model_len
            reason: FinishReason | None = "length" if ends else None
            if ends:
                self._end(request_id)
            outputs.append((request.client_index, Output(request_id, [token], reason)))
        return outputs

    def abort(self, request_ids: list[str]) -> None:
        """Forget requests whose client has gone; unknown ones have ended already."""
        self._waiting = deque(request for request in self._waiting if request.request_id not in request_ids)
        for request_id in request_ids:
            if request_id in self._running:
                self._end(request_id)

    def _end(self, request_id: str) -> None:
        del self._running[request_id]
        self._ended.append(request_id)
