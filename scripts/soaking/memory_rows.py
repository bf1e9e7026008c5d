"""The kinds of traffic after which a gateway's memory is looked at. Each is a row of `scripts/soak --memory`."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from benchmark.signed import CHUNK, KIB, MIB, Content, Keys, Mode, Signed
from soaking.visitor import Visitor

_BLOCK: Final = os.urandom(MIB)
_SMALL: Final = Content(_BLOCK[:KIB])
_UPLOAD: Final = Content(_BLOCK, 8)
_LARGE: Final = Content(_BLOCK, 64)
_HUGE: Final = Content(_BLOCK[:CHUNK], 5 * 1024 * MIB // CHUNK)
_HUGE_BLOCKS: Final = Content(_BLOCK, 5 * 1024)

Requests = Sequence[Signed]


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of traffic: how often, in full and in short, what each visitor does, and how that must end.

    `make` signs the requests, which the visitors take in turns. `chunk` is the size of the aws-chunks of an upload that
    the gateway has to hold until their signature is known.
    """

    name: str
    title: str
    count: int
    short: int
    make: Callable[[Keys], Requests]
    act: Callable[[Visitor, Requests, int], str]
    ends: frozenset[str]
    chunk: int = 0


def _ask(visitor: Visitor, requests: Requests, number: int) -> str:
    return visitor.ask(requests[number % len(requests)])


def _leave(visitor: Visitor, requests: Requests, number: int) -> str:
    return visitor.leave_in_the_middle(requests[number % len(requests)], reset=number % 2 == 0)


def _come_and_go(visitor: Visitor, requests: Requests, number: int) -> str:
    return visitor.knock() if number % 4 == 0 else visitor.visit(requests[number % len(requests)])


def _small(keys: Keys) -> Requests:
    get = keys.get("/soak/1k")
    return [get, get, keys.put("/soak/small", _SMALL, Mode.SHA256), keys.put("/soak/small", _SMALL, Mode.SIGNED_CHUNKS)]


def _good(mode: Mode) -> Callable[[Keys], Requests]:
    return lambda keys: [keys.put("/soak/upload", _UPLOAD, mode)]


def _good_large(keys: Keys) -> Requests:
    return [keys.put("/soak/large", _LARGE, Mode.SIGNED_CHUNKS, chunk=16 * MIB)]


def _bad(content: Content, chunk: int) -> Callable[[Keys], Requests]:
    """Uploads whose first, middle or last chunk is wrong."""

    def make(keys: Keys) -> Requests:
        last = content.size // chunk - 1
        places = sorted({0, last // 2, last})
        mode = Mode.SIGNED_CHUNKS
        return [keys.put("/soak/bad", content, mode, chunk=chunk, bad_chunk=place) for place in places]

    return make


def _any_upload(keys: Keys) -> Requests:
    """Of each mode twice, so that each is cut with FIN and with RST."""
    return [keys.put("/soak/cut", _UPLOAD, mode) for mode in Mode for _ in range(2)]


def _forged(keys: Keys) -> Requests:
    forger = Keys(keys.access_key, "wrong", keys.host)
    stranger = Keys("NOBODY", keys.secret_key, keys.host)
    put = forger.put("/soak/forged", _UPLOAD, Mode.SIGNED_CHUNKS)
    return [forger.get("/soak/1k"), stranger.get("/soak/1k"), Signed(put.head, put.body[:2])]


def _come(keys: Keys) -> Requests:
    return [keys.get("/soak/1k")]


def _rows() -> Iterator[Row]:
    fine, refused = frozenset({"200"}), frozenset({"403"})
    yield Row("small", "small requests", 50_000, 3_000, _small, _ask, fine)
    for mode in Mode:
        name = mode.value.replace(" ", "-")
        yield Row(f"upload-{name}", f"8 MiB, {mode.value}", 500, 40, _good(mode), _ask, fine, CHUNK)
    yield Row("upload-16m", "64 MiB, chunks of 16 MiB", 100, 20, _good_large, _ask, fine, 16 * MIB)
    bad: list[tuple[str, str, Content, int, int]] = [
        ("bad-128k", "bad chunk, 8 MiB by 128 KiB", _UPLOAD, CHUNK, 40),
        ("bad-4m", "bad chunk, 8 MiB by 4 MiB", _UPLOAD, 4 * MIB, 40),
        ("bad-16m", "bad chunk, 64 MiB by 16 MiB", _LARGE, 16 * MIB, 20),
    ]
    for name, title, content, chunk, short in bad:
        yield Row(name, title, 500, short, _bad(content, chunk), _ask, refused, chunk)
    yield Row("cut", "uploads that the client cuts", 500, 60, _any_upload, _leave, frozenset({"left"}), CHUNK)
    yield Row("refusals", "refusals", 5_000, 600, _forged, _ask, refused)
    yield Row("short", "short connections", 5_000, 600, _come, _come_and_go, frozenset({"200", "left"}))


def _huge_put(mode: Mode) -> Callable[[Keys], Requests]:
    return lambda keys: [keys.put("/soak/huge", _HUGE, mode)]


def _huge_from_disk(keys: Keys) -> Requests:
    return [keys.put("/soak/huge", _HUGE_BLOCKS, Mode.SIGNED_CHUNKS, chunk=64 * MIB)]


def _huge() -> Iterator[Row]:
    fine = frozenset({"200"})
    for mode in Mode:
        yield Row(
            f"huge-{mode.value.replace(' ', '-')}", f"5 GiB, {mode.value}", 2, 2, _huge_put(mode), _ask, fine, CHUNK
        )
    yield Row("huge-64m", "5 GiB, signed, by 64 MiB", 2, 2, _huge_from_disk, _ask, fine)


ROWS: Final = tuple(_rows())
HUGE: Final = tuple(_huge())
"""The largest upload that S3 takes in one request, in each mode; in 64 MiB chunks it goes through `limits.spool`."""
