"""An API server's end of the engine core."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import zmq
import zmq.asyncio

from refengine import messages
from refengine.addresses import Addresses
from refengine.logger import get_logger
from refengine.messages import AbortRequests, AddRequest, EngineDead, EngineReady, Output, ToEngine

logger = get_logger(__name__)


class EngineDeadError(Exception):
    """The engine core has gone; the request cannot be answered."""


class DuplicateRequestError(Exception):
    """Two requests in flight have the same id: their outputs could not be told apart."""


class EngineClient:
    """Sends requests and hands every output to the request it belongs to."""

    def __init__(self, addresses: Addresses, index: int) -> None:
        self._index = index
        self._context = zmq.asyncio.Context()
        self._to_engine = self._context.socket(zmq.PUSH)
        self._to_engine.setsockopt(zmq.RECONNECT_IVL, 20)
        self._to_engine.connect(addresses.engine)
        self._from_engine = self._context.socket(zmq.PULL)
        self._from_engine.bind(addresses.client(index))
        self._outputs: dict[str, asyncio.Queue[Output | None]] = {}
        self._handler: asyncio.Task[None] | None = None
        self.dead = False

    async def wait_for_ready(self) -> None:
        """Until the engine core's workers have their model."""
        while not isinstance(messages.decode_to_client(await self._from_engine.recv()), EngineReady):
            pass
        self._handler = asyncio.create_task(self._handle_outputs())

    async def generate(self, prompt: list[int], max_tokens: int) -> AsyncIterator[Output]:
        """Outputs as they come; the last has a finish reason. Raises EngineDeadError."""
        request_id = f"cmpl-{self._index}-{uuid4().hex}"
        if request_id in self._outputs:
            raise DuplicateRequestError(f"request id {request_id} is already in use")
        queue = self._outputs[request_id] = asyncio.Queue()
        finished = False
        try:
            await self._send(AddRequest(request_id, self._index, prompt, max_tokens))
            while not finished:
                output = None if self.dead else await queue.get()
                if output is None:
                    raise EngineDeadError("the engine core has gone")
                finished = output.finish_reason is not None
                yield output
        finally:
            del self._outputs[request_id]
            if not finished and not self.dead:
                await self._send(AbortRequests([request_id]))

    async def _handle_outputs(self) -> None:
        while not self.dead:
            message = messages.decode_to_client(await self._from_engine.recv())
            if isinstance(message, EngineDead):
                logger.error("Engine core died, ending %d requests.", len(self._outputs))
                self.end_requests()
            elif not isinstance(message, EngineReady):
                for output in message.outputs:
                    if output.request_id in self._outputs:
                        self._outputs[output.request_id].put_nowait(output)

    def end_requests(self) -> None:
        """Nothing more will come: wake everyone who waits."""
        self.dead = True
        for queue in self._outputs.values():
            queue.put_nowait(None)

    async def _send(self, message: ToEngine) -> None:
        await self._to_engine.send(messages.encode(message))

    def close(self) -> None:
        self.end_requests()
        if self._handler is not None:
            self._handler.cancel()
        self._context.destroy(linger=0)
