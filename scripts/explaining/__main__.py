"""`scripts/explain`: its command line."""

import argparse
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from capturing import sources
from commandline import Parser, UsageError, config_text, output_file, tell, unless_stopped, writing
from explaining import document, terminal
from explaining.report import Report, gather
from s3gateway.explain.judge import Judge
from s3gateway.observed.capture import CaptureError

if TYPE_CHECKING:
    from s3gateway.config.model import Config

_ABOUT: Final = """\
Say why a request was refused: which change on its way, or which mistake of the client, breaks its signature.

FILE, or - for standard input, is whatever you have, alone or in the middle of other text:
  a raw HTTP head; curl -v; tcpdump -A; Wireshark's follow-stream; "copy as cURL" and HAR of a browser;
  a debug log of the AWS CLI, botocore, the SDKs for Java, Go and JavaScript, Spark, mc or a MinIO client;
  mc admin trace -v; S3's error document; a presigned URL; an access log line of nginx or HAProxy;
  a mitmproxy flow file (mitmdump -w), or a capture (scripts/capture_headers, log.capture).
All requests in it are read, the failed ones are explained, and what the input lacks for that is said.

Where nothing failed, a line for each client and operation says what was answered, and one that all signatures hold. A
304, 404, 412 or 416 is no failure; --request N looks at one all the same. Of each failure first comes the sentence,
then the lines of the canonical request that differ, then what to do, and where it comes from. Requests that failed for
the same reason are told of once.

With --config the secrets of that configuration are used to try the likely causes on a raw head: Host and ports, path,
query and header changes, scope, clock, and what becomes of secrets in files and URLs. No secret, key or valid
signature is ever printed. What the gateway has captured is redacted, and shows the explanation that it stored then.
A backend's refusal (4xx or 5xx, X-Minio-Error-Code or error XML) is explained without --config.

--serve gives a page to paste into or to drop files on. Only this machine can reach it, by the address that is printed;
nothing is stored, and nothing leaves this machine.
"""
_AFTER: Final = """\
examples:
  scripts/explain flows
  scripts/explain --config gateway.yaml head.txt
  scripts/explain --config gateway.yaml --known-host storage.corp.example --request 3 flows
  scripts/explain flows --format markdown              to paste into an issue
  scripts/explain flows --html report.html             to send to a colleague, or to print
  scripts/explain --serve --config gateway.yaml

exit status:
  0  nothing failed, or all that failed is explained
  1  something that failed is not explained
  2  usage, or a file that cannot be read
"""

_ANY_BACKEND = {"backend.endpoint": "https://backend.invalid"}
"""A configuration may leave the backend to the command line; for this it does not matter."""

_HOST: Final = re.compile(r"([\w.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; give the exit status."""
    options = _options(arguments)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    try:
        config = _config(options.config) if options.config else None
        judge = Judge(config, tuple(options.known_host), options.at)
        if options.serve:
            from explaining import serving  # noqa: PLC0415 - one failed request is explained in a third of a second

            return unless_stopped("explain", lambda: serving.serve(judge, options.port))
        report = _report(options, judge)
        if options.html is not None:
            from explaining import page  # noqa: PLC0415 - as above

            with writing(options.html):
                options.html.write_text(page.html(report), encoding="utf-8")
        _print(report, options)
    except (CaptureError, UsageError) as error:
        sys.stderr.write(f"explain: {error}\n")
        return 2
    return 0 if report.explained else 1


def _report(options: argparse.Namespace, judge: Judge) -> Report:
    name = sources.name_of(options.file)
    found = sources.find(options.file, options.form)
    report = gather(Path(name).name, found, judge, options.request)
    if options.request is not None and not report.failures:
        there = f"requests 1 to {report.read}; give one of these, or an id" if report.read else "no request"
        remedy = "" if report.read else "; give another file"
        raise CaptureError(f"--request {options.request}: {name} has {there}{remedy}")
    return report


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser("explain", _ABOUT, epilog=_AFTER)
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="what you have; see above")
    sources.from_option(parser)
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
    how = parser.add_argument_group("how it is shown")
    how.add_argument("--format", choices=("text", "json", "markdown"), default="text", help="default: text")
    how.add_argument("--json", action="store_const", dest="format", const="json", help="the same as --format json")
    how.add_argument("--html", type=output_file, metavar="FILE", help="also write a page for a browser, in one file")
    how.add_argument("--details", action="store_true", help="text: every line that differs, and canonical requests")
    how.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="text; default: auto")
    page = parser.add_argument_group("as a local page")
    page.add_argument("--serve", action="store_true", help="serve a page on this machine, until Ctrl-C")
    page.add_argument("--port", type=_port, default=0, metavar="PORT", help="its port (default: any that is free)")
    options = parser.parse_args(arguments)
    if options.serve == (options.file is not None):
        parser.error(
            "FILE: cannot be read and served; leave it out, or --serve"
            if options.serve
            else "the following arguments are required: FILE"
        )
    return options


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):  # noqa: PLR2004 - TCP's
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 1 to 65535")
    return int(text)


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
    from s3gateway.config import gateway_yaml  # noqa: PLC0415 - as above
    from s3gateway.config.check import ConfigError  # noqa: PLC0415 - as above

    file = path.expanduser()
    try:
        return gateway_yaml.parse(config_text("--config", file), file.parent, (file,), _ANY_BACKEND)
    except ConfigError as error:
        raise UsageError(f"--config: {error}") from None


def _print(report: Report, options: argparse.Namespace) -> None:
    match options.format:
        case "json":
            text = document.dump(report)
        case "markdown":
            from explaining import markdown  # noqa: PLC0415 - as above

            text = markdown.text(report)
        case _:
            shown = terminal.for_this_terminal(options.color, details=options.details)
            text = "\n".join(shown.lines(report)).rstrip("\n") + "\n"
    tell(text)


if __name__ == "__main__":
    sys.exit(main())
