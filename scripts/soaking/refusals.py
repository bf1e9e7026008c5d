"""Requests that must be refused, each with the answer that is due, whatever state the backend is in."""

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from soaking.site import BUCKET
from soaking.wire import UNSIGNED_TRAILER, Request, Writer

_DATA: Final = bytes(20_000)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request and the status and S3 code of its answer. `in_body`: the fault comes after the head was accepted."""

    name: str
    make: Callable[[Writer, str], Request]
    status: int
    code: str
    in_body: bool = False


def _with(**changes: object) -> Callable[[Writer, str], Request]:
    return lambda writer, key: replace(writer, **changes).upload(key, _DATA)  # type: ignore[arg-type]


def _unsigned_header(writer: Writer, key: str) -> Request:
    return writer.upload(key, _DATA).with_header(b"x-amz-acl: public-read")


def _anonymous(_writer: Writer, key: str) -> Request:
    return Request("GET", f"GET {key} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())


def _junk_after(writer: Writer, key: str) -> Request:
    whole = writer.upload(key, _DATA, http_chunked=True)
    return replace(whole, frames=(*whole.frames[:-1], b"1\r\nx\r\n", whole.frames[-1]))


def _without_final_chunk(writer: Writer, key: str) -> Request:
    whole = writer.upload(key, _DATA, http_chunked=True)
    return replace(whole, frames=(*whole.frames[:-2], whole.frames[-1]))


def _wrong_checksum(writer: Writer, key: str) -> Request:
    whole = writer.upload(key, _DATA, UNSIGNED_TRAILER)
    return replace(whole, frames=(b"4e20\r\n" + _DATA[:-1] + b"x\r\n", *whole.frames[1:]))


REFUSALS: Final = (
    Refusal("wrong secret", _with(secret_key="wrong"), 403, "SignatureDoesNotMatch"),  # noqa: S106 - nobody's
    Refusal("unknown key", _with(access_key="NOBODY"), 403, "InvalidAccessKeyId"),
    Refusal("an hour old", _with(age=dt.timedelta(hours=1)), 403, "RequestTimeTooSkewed"),
    Refusal("header added", _unsigned_header, 403, "AccessDenied"),
    Refusal("anonymous", _anonymous, 403, "AccessDenied"),
    Refusal("target in two readings", lambda w, _: w.get(f"/{BUCKET}/a/../b"), 400, "InvalidURI"),
    Refusal(
        "chunk changed", lambda w, key: w.upload(key, _DATA).spoiled(0), 403, "SignatureDoesNotMatch", in_body=True
    ),
    Refusal("end changed", lambda w, key: w.upload(key, _DATA).spoiled(1), 403, "SignatureDoesNotMatch", in_body=True),
    Refusal("junk after the end", _junk_after, 400, "IncompleteBody", in_body=True),
    Refusal("no final chunk", _without_final_chunk, 400, "IncompleteBody", in_body=True),
    Refusal("wrong checksum", _wrong_checksum, 400, "BadDigest", in_body=True),
)


def any_refusal(chance: random.Random) -> Refusal:
    """One of them."""
    return chance.choice(REFUSALS)
