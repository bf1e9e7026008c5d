"""What drivers in Python share: the door they are given, the data, and how a case is told.

A driver is run once a lane with S3_ENDPOINT, S3_KEY, S3_SECRET, S3_REGION, S3_CA (empty: plain HTTP), S3_BUCKET,
S3_LANE, S3_FILE (20 MB), S3_WORK, S3_LISTING and S3_LISTED (a bucket, and the SHA-256 of its keys, joined by line feeds
in the order of S3). It prints a line of JSON for each case: {"case": "put-empty"}, with "error" where it failed. Cases
that its client has no API for are left out. S3_CASES (a comma list) runs some of them only.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
import traceback
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ENDPOINT = os.environ["S3_ENDPOINT"]
KEY, SECRET, REGION = os.environ["S3_KEY"], os.environ["S3_SECRET"], os.environ["S3_REGION"]
CA = os.environ["S3_CA"]
TLS = bool(CA)
HOST = ENDPOINT.partition("://")[2]
BUCKET, LISTING, LANE = os.environ["S3_BUCKET"], os.environ["S3_LISTING"], os.environ["S3_LANE"]
FILE, WORK = Path(os.environ["S3_FILE"]), Path(os.environ["S3_WORK"])
LARGE = FILE.read_bytes()
SMALL = LARGE[:1024]
PART = 5 << 20
ODD = "dir x+y=1/é ~*'().txt"
SSE_C = LANE.endswith("sse-c")


def same(data: Any, expected: bytes) -> None:
    """Compare what was read with what was written."""
    found = bytes(data)
    if found != expected:
        raise AssertionError(f"read {len(found)} bytes that are not the {len(expected)} written")


def listed(keys: Iterable[str], *, in_order: bool = True) -> None:
    """Compare a listing of S3_LISTING with what is there."""
    names = list(keys) if in_order else sorted(keys, key=str.encode)
    if hashlib.sha256("\n".join(names).encode()).hexdigest() != os.environ["S3_LISTED"]:
        raise AssertionError(f"listed {len(names)} keys that are not the 1200 written: {names[:3]}")


def refused(call: Callable[[], Any], *words: str) -> None:
    """Expect a refusal that has one of the words in it."""
    try:
        call()
    except Exception as error:
        text = f"{type(error).__name__} {error} {error.args}"
        if not any(word in text for word in words):
            raise
        return
    raise AssertionError("was not refused")


def fetch(url: str, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
    """Use a presigned URL as anybody may, without the client: a plain HTTP request."""
    import ssl

    context = ssl.create_default_context(cafile=CA) if CA else None
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    handlers = [urllib.request.ProxyHandler({})]
    if context:
        handlers.append(urllib.request.HTTPSHandler(context=context))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=120) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{error.code} {error.read().decode(errors='replace')[:200]}") from None


def command(*arguments: str | Path, env: dict[str, str] | None = None, stdin: bytes | None = None) -> bytes:
    """Run a program: its standard output, or an error that ends with what it said."""
    ended = subprocess.run(
        [str(one) for one in arguments], env=os.environ | (env or {}), input=stdin or b"", capture_output=True,
        check=False, timeout=600, cwd=WORK,
    )  # fmt: skip
    if ended.returncode:
        said = (ended.stdout[-600:] + b" " + ended.stderr[-600:]).decode(errors="replace")
        raise AssertionError(f"status {ended.returncode}: {said.strip()[-280:]}")
    return ended.stdout


def speed(put: Callable[[bytes], Any], get: Callable[[], Any]) -> None:
    """Tell how long 64 MiB take, up and down, six times; for `scripts/clients --speed` alone."""
    if os.environ.get("S3_CASES") != "speed":
        return
    data = LARGE[: 1 << 20] * 64
    for _ in range(6):
        began = time.monotonic()
        put(data)
        between = time.monotonic()
        get()
        print(json.dumps({"put": between - began, "get": time.monotonic() - between}), flush=True)
    os._exit(0)


def run(cases: dict[str, Callable[[], Any]]) -> None:
    """Do each case, and tell of it."""
    wanted = os.environ.get("S3_CASES", "").split(",")
    for name, case in cases.items():
        if wanted != [""] and name not in wanted:
            continue
        told = {"case": name}
        try:
            case()
        except BaseException as error:
            told["error"] = f"{type(error).__name__}: {error}"
            traceback.print_exc(file=sys.stderr)
        print(json.dumps(told), flush=True)
    sys.stdout.flush()
    os._exit(0)  # clients keep threads and loops
