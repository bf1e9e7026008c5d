"""`scripts/diff_headers`: its command line."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from capturing.sources import from_option, read
from commandline import Parser, UsageError, output_file, tell, writing
from diffing import document, markdown, page
from diffing.report import Report, between, within
from diffing.table import for_this_terminal
from s3gateway.observed.capture import CaptureError, Exchange

_ABOUT: Final = """\
What became of every header on its way through a gateway.

One capture that has both sides of each request (a capture of this gateway's: what the client sent, what went to the
backend), or two captures, one in front of any gateway or proxy and one behind it. A capture is what
scripts/capture_headers or `log.capture` wrote, a mitmproxy flow file (`mitmdump -w`), a HAR file, or a text with
requests in it (a debug log, curl -v, tcpdump -A, ...: scripts/explain --help lists them); - is standard input.

For each header: = kept, ↕ reordered, ~ changed, » duplicated, « merged (fewer than before), + added, - removed; and
whether either side's signature covers it (✓ signed, · not signed, ✗ signed and not there). A difference that a gateway
has to make says why, and is not held against it: Host, the signature and its date, hop-by-hop headers (RFC 9110
section 7.6.1), Expect, a session token, encryption headers that a rule adds, a bucket that moves from the host name
into the path, presigned parameters that become headers. Values hold no signature, token or key.

What makes a backend answer 400 or 403 is said in plain words: a header that is signed and not on the wire, an x-amz-*
header that is not signed, a hop-by-hop header that is.
"""
_AFTER: Final = """\
examples:
  scripts/diff_headers capture.json                        what the gateway did to each request
  scripts/diff_headers front.flow behind.flow              what somebody else's gateway did
  scripts/diff_headers front.flow behind.flow --html report.html --operation 'Head*'
  scripts/diff_headers capture.json --format markdown >> "$GITHUB_STEP_SUMMARY"
  scripts/diff_headers capture.json --allow accept-encoding='our CDN negotiates it'
  scripts/diff_headers old.json new.json --heads outgoing  two releases of the gateway, same client

To record in front of a gateway at gw:8000 and behind it, before a backend at minio:9000:
  mitmdump -w front.flow  --mode reverse:http://gw:8000@8001     --set keep_host_header=true --set http2=false
  mitmdump -w behind.flow --mode reverse:https://minio:9000@9001 --set keep_host_header=true --set http2=false
Point the client at port 8001, and the gateway at port 9001; end both with Ctrl-C. Such flow files hold signatures and
bodies: scripts/capture_headers makes captures of them that do not.

exit status:
  0  every client header survived, but for those with a reason, and no request contradicts its signature
  1  one did not, or a request of the first capture is not in the second
  2  usage: a file that is no capture; or nothing to compare, as no request is on both sides
"""


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser("diff_headers", _ABOUT, epilog=_AFTER)
    parser.add_argument("capture", type=Path, help="a capture with both sides, or the one in front")
    parser.add_argument("behind", type=Path, nargs="?", help="the capture behind")
    from_option(parser)
    which = parser.add_argument_group("which requests")
    which.add_argument("--operation", action="append", metavar="PATTERN", help="S3 operation, e.g. PutObject, 'Head*'")
    which.add_argument("--key", action="append", metavar="PATTERN", help="bucket/key, e.g. 'warehouse/orders/*'")
    which.add_argument("--id", action="append", metavar="ID", help="request id, or its beginning")
    which.add_argument(
        "--heads",
        choices=("incoming", "outgoing"),
        default="incoming",
        help="of two captures, the head to compare: as it arrived where it was captured (default), or as it left there",
    )
    what = parser.add_argument_group("what is fine")
    what.add_argument(
        "--allow",
        action="append",
        type=_allowed,
        default=[],
        metavar="NAME=REASON",
        help="let this header change or go; the reason is shown",
    )
    how = parser.add_argument_group("how it is shown")
    how.add_argument("--format", choices=("table", "json", "markdown"), default="table", help="default: table")
    how.add_argument("--html", type=output_file, metavar="FILE", help="also write a report for a browser, in one file")
    how.add_argument("--differences", action="store_true", help="table: leave out headers that were kept")
    how.add_argument("--faults", action="store_true", help="table, markdown, html: only requests with something wrong")
    return parser.parse_args(arguments)


def _allowed(text: str) -> tuple[str, str]:
    name, equals, reason = text.partition("=")
    if not name.strip() or not equals or not reason.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=REASON; give a header and why it may differ")
    return name.strip().lower(), reason.strip()


def _report(options: argparse.Namespace) -> Report:
    allowed = dict(options.allow)
    front = _chosen(read(options.capture, options.form), options)
    if options.behind is None:
        report = within(front, allowed)
        if front and not report.requests and all(one.verdict == "unknown" for one in front):
            raise CaptureError(f"{options.capture}: it has one side only; give the capture behind the gateway as well")
        return report
    behind = _chosen(read(options.behind, options.form), options)
    names = (options.capture.name, options.behind.name)
    return between(front, behind, names, options.heads, allowed)


def _chosen(exchanges: Iterable[Exchange], options: argparse.Namespace) -> list[Exchange]:
    def matches(text: str, patterns: list[str] | None) -> bool:
        return patterns is None or any(fnmatchcase(text, pattern) for pattern in patterns)

    return [
        one
        for one in exchanges
        if matches(one.operation, options.operation)
        and matches(f"{one.bucket}/{one.key}" if one.key else one.bucket, options.key)
    ]


def _of_ids(report: Report, ids: list[str] | None) -> Report:
    """Leave those requests of the client's whose id is, or begins as, one of these."""
    if ids is None:
        return report
    starts = tuple(ids)
    requests = tuple(one for one in report.requests if one.id.startswith(starts))
    refused, vanished = (
        tuple(one for one in side if one.id.startswith(starts)) for side in (report.refused, report.vanished)
    )
    return replace(report, requests=requests, refused=refused, vanished=vanished, extra=())


def _print(report: Report, options: argparse.Namespace) -> None:
    match options.format:
        case "json":
            text = document.dump(report)
        case "markdown":
            text = "\n".join(markdown.lines(report)) + "\n"
        case _:
            table = for_this_terminal(only_differences=options.differences)
            text = "\n".join(table.lines(report)) + "\n"
    tell(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; the exit status."""
    options = _options(arguments)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    try:
        report = replace(_of_ids(_report(options), options.id), only_faults=options.faults)
        if not (report.requests or report.refused or report.vanished or report.extra):
            raise CaptureError(f"{options.capture}: no request in it, or none that the filters choose; loosen them")
        if options.html is not None:
            with writing(options.html):
                options.html.write_text(page.html(report), encoding="utf-8")
        _print(report, options)
    except (CaptureError, UsageError) as error:
        sys.stderr.write(f"diff_headers: {error}\n")
        return 2
    return 0 if report.good else 1 if report.compared else 2


if __name__ == "__main__":
    sys.exit(main())
