"""`scripts/capture_headers`: header captures from flow files, HAR files and live gateways, in one schema."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TextIO

from capturing import sources
from capturing.following import captured_by, follow
from capturing.listing import listing
from capturing.selection import Selection
from commandline import Parser, UsageError, count, output_file, reason, telling, writing
from s3gateway.config.check import ConfigError
from s3gateway.observed.capture import CaptureError, Exchange, dump, dump_line

_DESCRIPTION = """\
Writes what clients sent and what went on to the backend: both heads as they were on the wire (order, case,
duplicates), what was signed, what was decided, and the answer. Signatures, tokens and SSE-C keys are redacted.

A FILE may be:
  a flow file of the gateway          mitmdump -s addons/s3_gateway.py --set s3_config=gateway.yaml -w FILE
  a flow file of a plain mitmproxy    see "Another gateway" below; heads only, nothing was decided
  a HAR file                          heads as it has them, which is not always as they were on the wire
  a capture                           written by this command, or by a gateway with log.capture: FILE
  a text with requests in it          a debug log, curl -v, tcpdump -A, ...: scripts/explain --help lists them
  -                                   any of these on standard input
"""

_EPILOG = """\
A live gateway:
  Put `log: {capture: captures.jsonl}` into gateway.yaml; a running gateway takes it up within a second. Then
    scripts/capture_headers --follow gateway.yaml --format text             watch; Ctrl-C ends
    scripts/capture_headers --follow gateway.yaml --count 1 -o spark.json   the next exchange, and no more
  What it wrote before is a FILE as well:
    scripts/capture_headers captures.jsonl --refused --last 1 --format text

Another gateway (here http://gw:8000, before https://minio:9000), in front of it and behind it:
    mitmdump --mode reverse:http://gw:8000 --listen-port 8001 --set keep_host_header=true \\
        --set stream_large_bodies=1 --set http2=false -w front.flows
    mitmdump --mode reverse:https://minio:9000 --listen-port 9001 --set keep_host_header=true \\
        --set stream_large_bodies=1 --set http2=false --set ssl_verify_upstream_trusted_ca=ca.crt -w behind.flows
  Send the client to port 8001, and the gateway to port 9001, which takes HTTP and TLS (with mitmproxy's own CA, or
  --certs server.pem). keep_host_header leaves Host as it was signed: without it nothing verifies.
  stream_large_bodies keeps bodies out of memory and file. End both with Ctrl-C, then
    scripts/capture_headers front.flows -o front.json
    scripts/capture_headers behind.flows -o behind.json
    scripts/diff_headers front.json behind.json
  A plain flow file has signatures, tokens and SSE-C keys in it; the captures have not. Delete it.

Formats:
  json   one document {"schema": "s3-header-capture/1", "exchanges": [...]}; see addons/s3gateway/observed/capture.py
  lines  one such exchange on a line (JSON Lines), as soon as it is there
  text   one block per exchange, to read

Exit status: 0 something was written, 1 nothing matched, 2 usage: a file that is no capture, or cannot be written.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Read, select, write."""
    options = _options(arguments)
    counts = {"exchanges": 0, "refused": 0}
    try:
        found = _followed(options) if options.follow else _read(options)
        if found:
            with _output(options.output) as file:
                _write(_counted(found, counts), options.format or ("lines" if options.follow else "json"), file)
    except KeyboardInterrupt:
        pass
    except (CaptureError, ConfigError, UsageError) as error:
        _say(str(error))
        return 2
    except OSError as error:
        _say(f"{error.filename}: {reason(error)}; name a readable file")
        return 2
    if options.follow or not counts["exchanges"]:
        _say(f"{counts['exchanges']} exchanges, {counts['refused']} of them refused")
    return 0 if counts["exchanges"] else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        "capture_headers",
        _DESCRIPTION,
        usage="%(prog)s [options] FILE...\n       %(prog)s [options] --follow gateway.yaml [--count N]",
        epilog=_EPILOG,
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="what to read, in this order")
    parser.add_argument("--follow", type=Path, metavar="gateway.yaml", help="wait for what a live gateway captures")
    parser.add_argument("--count", type=count, metavar="N", help="with --follow: end after N exchanges")
    parser.add_argument(
        "-o", "--output", type=output_file, metavar="FILE", help="write there instead of standard output"
    )
    parser.add_argument(
        "--format", choices=("json", "lines", "text"), help="json, or lines with --follow, unless said otherwise"
    )
    sources.from_option(parser)
    selecting = parser.add_argument_group("which exchanges", "All that are given must hold; PATTERN knows * and ?.")
    selecting.add_argument("--operation", default="*", metavar="PATTERN", help="S3 operation: PutObject, *Upload*")
    selecting.add_argument("--bucket", default="*", metavar="PATTERN", help="bucket")
    selecting.add_argument("--key", default="", metavar="PREFIX", help="beginning of the key")
    selecting.add_argument("--identity", default="*", metavar="PATTERN", help="client, also one that was not proven")
    selecting.add_argument(
        "--refused", action="store_true", help="refused by the gateway, or answered 400 or 403 by what is behind it"
    )
    selecting.add_argument(
        "--last", type=count, metavar="N", help="the last N of them; with --follow, start with N that are there"
    )
    options = parser.parse_args(arguments)
    if bool(options.files) == bool(options.follow):
        parser.error("name either FILEs or --follow gateway.yaml")
    if options.count and not options.follow:
        parser.error("--count goes with --follow; --last N takes the last of a file")
    return options


def _selection(options: argparse.Namespace) -> Selection:
    return Selection(options.operation, options.bucket, options.key, options.identity, options.refused)


def _read(options: argparse.Namespace) -> list[Exchange]:
    """Read all files before the output is opened, which may be one of them."""
    chosen = _selection(options)
    found = [
        exchange for file in options.files for exchange in sources.read(file, options.form) if chosen.matches(exchange)
    ]
    return found[-options.last :] if options.last else found


def _followed(options: argparse.Namespace) -> Iterator[Exchange]:
    """Find the file before the output is opened, which must not be it."""
    path, output = captured_by(options.follow), options.output
    if output and output.exists() and path.exists() and output.samefile(path):
        raise UsageError(f"--output: {str(output)!r} is what the gateway writes; name another file")
    return _following(path, options)


def _following(path: Path, options: argparse.Namespace) -> Iterator[Exchange]:
    chosen, left = _selection(options), options.count
    with suppress(KeyboardInterrupt):
        begun = partial(_say, f"following {path}; Ctrl-C ends")
        for exchange in follow(path, chosen, last=options.last or 0, begun=begun):
            yield exchange
            left = left - 1 if left else None
            if left == 0:
                return


def _counted(exchanges: Iterable[Exchange], counts: dict[str, int]) -> Iterator[Exchange]:
    for exchange in exchanges:
        counts["exchanges"] += 1
        counts["refused"] += exchange.verdict == "refused"
        yield exchange


def _write(exchanges: Iterable[Exchange], form: str, file: TextIO) -> None:
    if form == "json":
        file.write(dump(exchanges))
        return
    for exchange in exchanges:
        file.write(dump_line(exchange) if form == "lines" else listing(exchange))
        file.flush()


@contextmanager
def _output(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        with telling():
            yield sys.stdout
        return
    mode = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with writing(path), os.fdopen(os.open(path, mode, 0o600), "w", encoding="utf-8") as file:
        yield file


def _say(text: str) -> None:
    sys.stderr.write(f"capture_headers: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
