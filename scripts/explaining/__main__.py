"""Say why a request was refused: which change on its way, or which mistake of the client, breaks its signature.

FILE, or - for standard input, is whatever you have, alone or in the middle of other text:
  a raw HTTP head; curl -v; tcpdump -A; Wireshark's follow-stream; "copy as cURL" and HAR of a browser;
  a debug log of the AWS CLI, botocore, the SDKs for Java, Go and JavaScript, Spark, mc or a MinIO client;
  mc admin trace -v; S3's error document; a presigned URL; an access log line of nginx or HAProxy;
  a mitmproxy flow file (mitmdump -w), or a capture (scripts/capture_headers, log.capture).
All requests in it are read, the failed ones are explained, and what the input lacks for that is said.

With --config the secrets of that configuration are used to try the likely causes on a raw head: Host and ports, path,
query and header changes, scope, clock, and what becomes of secrets in files and URLs. No secret, key or valid
signature is ever printed. What the gateway has captured is redacted, and shows the explanation that it stored then.
A backend's refusal (4xx or 5xx, X-Minio-Error-Code or error XML) is explained without --config.

Lines of the canonical request that differ are marked: - as the client signed it, + as it was received.

Exit status: 0 explained, 1 something was not explained, 2 usage or unreadable file.

  scripts/explain flows
  scripts/explain --config gateway.yaml head.txt
  scripts/explain --config gateway.yaml --known-host storage.corp.example --request 3 flows
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from capturing.sources import from_option
from commandline import Parser, UsageError, config_text, tell
from explaining import cases
from explaining.cases import Case
from explaining.verdicts import Judge, Verdict
from s3gateway.explain.rendering import render
from s3gateway.observed.capture import CaptureError
from s3gateway.observed.printable import printable
from s3gateway.rules.headers import redacted_target

if TYPE_CHECKING:
    from s3gateway.config.model import Config

_ANY_BACKEND = {"backend.endpoint": "https://backend.invalid"}
"""A configuration may leave the backend to the command line; for this it does not matter."""

_HOST: Final = re.compile(r"([\w.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; give the exit status."""
    options = _options(arguments)
    try:
        config = _config(options.config) if options.config else None
        found = cases.read(options.file, options.form)
        judge = Judge(config, tuple(options.known_host), options.at)
        verdicts = [(case, judge.verdict(case)) for case in _chosen(found, options)]
        if options.json:
            tell(json.dumps([_document(*pair) for pair in verdicts], indent=1) + "\n")
        else:
            _print(verdicts, len(found), colour=_colour(options.color))
    except (CaptureError, UsageError) as error:
        sys.stderr.write(f"explain: {error}\n")
        return 2
    return 0 if all(verdict.explained for _, verdict in verdicts) else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser("explain", __doc__)
    parser.add_argument("file", type=Path, metavar="FILE", help="what was captured; see above")
    from_option(parser)
    parser.add_argument("--config", type=Path, metavar="YAML", help="the gateway's configuration, for its secrets")
    parser.add_argument("--request", metavar="N", help="only request N of the file, refused or not (or its id)")
    parser.add_argument(
        "--at",
        type=_time,
        metavar="TIME",
        help="the gateway's clock then, as 2026-01-31T12:00:00Z (default: capture's)",
    )
    parser.add_argument(
        "--known-host",
        action="append",
        type=_host,
        default=[],
        metavar="NAME",
        help="try this name for Host too, with its port if it has one; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    return parser.parse_args(arguments)


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time like 2026-01-31T12:00:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _host(text: str) -> str:
    """A URL would be tried as it is, fit nothing, and leave the secret to blame."""
    if not _HOST.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no host; write it like storage.example:8000, as Host has it")
    return text


def _config(path: Path) -> "Config":
    from s3gateway.config import gateway_yaml  # noqa: PLC0415 - most inputs are read without a configuration
    from s3gateway.config.check import ConfigError  # noqa: PLC0415 - as above

    file = path.expanduser()
    try:
        return gateway_yaml.parse(config_text("--config", file), file.parent, (file,), _ANY_BACKEND)
    except ConfigError as error:
        raise UsageError(f"--config: {error}") from None


def _chosen(found: tuple[Case, ...], options: argparse.Namespace) -> list[Case]:
    if options.request is None:
        return [case for case in found if case.refused]
    chosen = [case for case in found if options.request in {str(case.number), case.exchange.id}]
    if not chosen:
        there = f"requests 1 to {len(found)}; give one of these, or an id" if found else "no request; give another file"
        raise CaptureError(f"--request {options.request}: {options.file} has {there}")
    return chosen


def _print(verdicts: list[tuple[Case, Verdict]], read: int, *, colour: bool) -> None:
    for case, verdict in verdicts:
        tell(f"#{case.number} {_title(case)}\n{render(verdict.explanation, colour=colour)}\n")
    if not verdicts:
        tell(f"nothing refused among {read} requests; --request N looks at one all the same\n")


def _title(case: Case) -> str:
    exchange = case.exchange
    target = redacted_target(exchange.incoming.target.encode("utf-8", "surrogateescape"))
    answer = [str(exchange.response.status)] if exchange.response else []
    code = exchange.code or exchange.backend_error
    parts = (exchange.incoming.method, printable(target), *answer, *([code] if code else []))
    return " ".join(map(printable, parts))


def _document(case: Case, verdict: Verdict) -> dict[str, object]:
    told = verdict.explanation
    return {
        "request": case.number,
        "id": case.exchange.id,
        "explained": verdict.explained,
        "cause": told.cause,
        "sentence": told.sentence,
        "expected": told.expected,
        "received": told.received,
    }


def _colour(choice: str) -> bool:
    return choice == "always" or (choice == "auto" and sys.stdout.isatty() and "NO_COLOR" not in os.environ)


if __name__ == "__main__":
    sys.exit(main())
