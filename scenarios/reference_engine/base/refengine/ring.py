"""Messages through shared memory; a pipe tells the reader where the next one lies."""

from __future__ import annotations

import struct
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory

SLOTS = 4
_PLACE = struct.Struct("<IQ")  # slot, length in bytes


class Ring:
    """One writer, any number of readers.

    Every message takes the next slot. Nobody waits for a free one: a writer that gets an answer to each
    message before it sends the next can never be a whole round ahead of its readers.
    """

    def __init__(self, memory: SharedMemory, slot_bytes: int) -> None:
        self._memory, self.slot_bytes = memory, slot_bytes
        self._buffer: memoryview = memory.buf  # type: ignore[assignment]  # None only once closed
        self._next = 0

    @classmethod
    def create(cls, slot_bytes: int) -> Ring:
        return cls(SharedMemory(create=True, size=SLOTS * slot_bytes), slot_bytes)

    @classmethod
    def attach(cls, name: str, slot_bytes: int) -> Ring:
        return cls(SharedMemory(name), slot_bytes)

    @property
    def name(self) -> str:
        return self._memory.name

    def send(self, message: bytes, readers: list[Connection]) -> None:
        """Write once, tell every reader. Raises ValueError for a message above `slot_bytes`."""
        if len(message) > self.slot_bytes:
            raise ValueError(f"message of {len(message)} bytes in slots of {self.slot_bytes}")
        start = self._next * self.slot_bytes
        self._buffer[start : start + len(message)] = message
        for reader in readers:
            reader.send_bytes(_PLACE.pack(self._next, len(message)))
        self._next = (self._next + 1) % SLOTS

    def receive(self, pipe: Connection) -> bytes:
        """Wait for the next message. Raises EOFError once the writer's end of the pipe is closed."""
        slot, length = _PLACE.unpack(pipe.recv_bytes())
        start = slot * self.slot_bytes
        return bytes(self._buffer[start : start + length])

    def close(self) -> None:
        self._memory.close()

    def remove(self) -> None:
        """Close and give the memory back; for the process that created it."""
        self._memory.close()
        self._memory.unlink()
