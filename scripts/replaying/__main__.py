"""Replay captured requests through the gateway and say, header by header, what has become different.

Offline, the default: every head of CAPTURE goes through the gateway's own core, signed again as its client at the
capture's clock, and what would go to the backend is compared with the golden header set. No network, no secrets, the
same result on every machine: made for CI. A golden file is a capture itself and holds the configuration that it was
made for, so one file can be both:

    scripts/replay_flows tests/captures/*.json

To make one from a capture (JSON, JSON Lines or a mitmproxy flow file), and to accept a change after reading it:

    scripts/replay_flows flows --golden golden.json --config gateway.yaml --update
    scripts/replay_flows golden.json --update

Online, with --gateway: the requests are sent to a running gateway, signed today as the clients of --config,
chunks included, and the answers are compared with the captured ones: status, the headers that clients act on
(scripts/replaying/answers.py lists them, each with its reason), and the body's hash. It writes and deletes as the
capture did. Bodies are those of a flow file written with store_streamed_bodies=true; else bodies of the same length and
chunks are made up.

    scripts/replay_flows flows --gateway http://127.0.0.1:8000 --config clients.yaml --make-buckets

Exit status: 0 nothing differs, 1 something does, 2 usage.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from capturing.sources import read
from commandline import Parser, UsageError, config_text, output_file, tell, writing
from replaying.golden import Golden, expected, read_golden, write_golden
from replaying.offline import replay, why_not
from replaying.online import Replay, make_buckets, open_door
from replaying.stand import make_stand, relevant
from replaying.stored import stored_bodies
from replaying.verdict import Verdict, differences, name_of, write_junit
from s3gateway.config.check import ConfigError
from s3gateway.config.yaml_text import read_yaml
from s3gateway.observed.capture import CaptureError
from s3gateway.observed.printable import printable

_URL: Final = re.compile(r"https?://([\w.-]+|\[[0-9A-Fa-f:.]+\])(:([0-9]{1,5}))?/?", re.ASCII)
_PORTS: Final = range(1, 1 << 16)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of `scripts/replay_flows`."""
    options = _options(arguments)
    try:
        run = _online if options.gateway else _offline
        suites = [(path.name, run(path, options)) for path in options.capture]
        if options.junit:
            with writing(options.junit):
                write_junit(options.junit, suites)
        verdicts = [verdict for _, suite in suites for verdict in suite]
        wrong = sum(bool(verdict.wrong) for verdict in verdicts)
        skipped = sum(bool(verdict.skipped) for verdict in verdicts)
        tell(f"{len(verdicts) - skipped} replayed, {wrong} differ, {skipped} not replayed\n")
    except (CaptureError, ConfigError, UsageError) as error:
        sys.stderr.write(f"replay_flows: {error}\n")
        return 2
    return 1 if wrong and not options.update else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser("replay_flows", __doc__)
    parser.add_argument("capture", nargs="+", type=Path, help="capture, JSON Lines, flow file, HAR, or golden file")
    parser.add_argument("--golden", type=Path, help="the expected header set; default: CAPTURE itself, if it is one")
    parser.add_argument("--config", type=Path, help="a gateway.yaml; default: the configuration in the golden file")
    parser.add_argument(
        "--gateway", type=_gateway, metavar="URL", help="send to this gateway (--config names the clients) instead"
    )
    parser.add_argument("--ca-file", type=Path, help="the CA of a gateway with an https:// URL")
    parser.add_argument("--make-buckets", action="store_true", help="make the buckets first that are not there")
    parser.add_argument("--update", action="store_true", help="write the golden file anew, after showing what differs")
    parser.add_argument("--junit", type=output_file, metavar="FILE", help="write the result as JUnit XML as well")
    options = parser.parse_args(arguments)
    if options.gateway and options.config is None:
        parser.error("--config: is missing; with --gateway, name the file that lists the clients")
    if options.gateway and (options.golden or options.update):
        parser.error("--gateway: compares answers; leave out --golden and --update, or --gateway")
    if options.update:
        _check_goldens(parser, [options.golden] if options.golden else options.capture)
    return options


def _check_goldens(parser: Parser, files: Sequence[Path]) -> None:
    for file in files:
        try:
            output_file(str(file))
        except argparse.ArgumentTypeError as error:
            parser.error(f"--update: {error}")


def _gateway(text: str) -> str:
    if not _is_gateway(text):
        example = f"http://{text}" if _is_gateway(f"http://{text}") else "http://127.0.0.1:8000"
        told = f"{text!r} is not http:// or https://, a host, and perhaps a port; write it like {example}"
        raise argparse.ArgumentTypeError(told)
    return text


def _is_gateway(text: str) -> bool:
    found = _URL.fullmatch(text)
    return found is not None and int(found[3] or 80) in _PORTS


def _offline(path: Path, options: argparse.Namespace) -> list[Verdict]:
    target = options.golden or path
    golden = read_golden(target)
    exchanges = read(path)
    if golden is None and not (options.golden and options.update):
        raise CaptureError(f"{target} is no golden file; name one with --golden, and make it with --update")
    document = relevant(_document(options.config)) if options.config else golden.gateway if golden else {}
    folder = options.config.parent if options.config else target.parent
    stand = make_stand(document, [exchange.identity for exchange in exchanges], folder)
    wanted = {exchange.id: exchange for exchange in golden.exchanges} if golden else {}
    verdicts, replayed = [], []
    for exchange in exchanges:
        there = wanted.pop(exchange.id, None)
        if why := why_not(exchange):
            verdicts.append(Verdict(name_of(exchange), skipped=why))
            continue
        actual = replay(exchange, stand)
        replayed.append(expected(actual))
        verdicts.append(Verdict(name_of(exchange), differences(there, actual)))
    verdicts += [Verdict(name_of(left), ("not in the capture",)) for left in wanted.values()]
    _show(path, verdicts)
    if options.update:
        with writing(target):
            write_golden(target, Golden(tuple(replayed), document, golden.client if golden else ""))
        tell(f"{path.name}: wrote {len(replayed)} to {target}\n")
    return verdicts


def _online(path: Path, options: argparse.Namespace) -> list[Verdict]:
    door = open_door(options.gateway, options.ca_file, _document(options.config), options.config.parent)
    exchanges = read(path)
    if options.make_buckets:
        make_buckets(door, exchanges)
    run = Replay(door)
    stored = stored_bodies(path, len(exchanges))
    verdicts = [run.verdict(exchange, bodies) for exchange, bodies in zip(exchanges, stored, strict=True)]
    _show(path, verdicts)
    return verdicts


def _document(path: Path) -> dict[str, Any]:
    document = read_yaml(config_text("--config", path), path.name)
    if not isinstance(document, dict):
        raise ConfigError(str(path), "is not a mapping", "give a gateway.yaml")
    return document


def _show(path: Path, verdicts: Sequence[Verdict]) -> None:
    for verdict in verdicts:
        lines = verdict.wrong or ((f"not replayed: {verdict.skipped}",) if verdict.skipped else ())
        if lines:
            title = printable(f"{path.name}: {verdict.name}")
            tell(f"{title}\n" + "".join(f"    {printable(line)}\n" for line in lines))


if __name__ == "__main__":
    sys.exit(main())
