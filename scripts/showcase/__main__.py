"""`scripts/demo`: its command line, and an end in good order however it ends."""

import argparse
import os
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from commandline import Parser, reason
from lab import MissingPartError
from lab.gateway import Gateway
from lab.process import ProcessError
from lab.slapd import slapd
from lab.wire import WireError
from showcase import identity_stage, keep, stage
from showcase.ending import Ending, Stopped
from showcase.identity_story import IdentityStory
from showcase.rotation_story import CLIENTS, RotationStory
from showcase.screen import Screen
from showcase.story import Story

_ABOUT: Final = """\
See the S3 gateway at work, in about ten seconds, on this machine alone.

Starts an S3 server over TLS, the gateway in front of it, and a wire recorder on each side of the gateway; then
  1. writes, renames and reads a file as Spark does (AWS SDK v1 over plain HTTP, signed 128 KiB chunks),
  2. uses boto3 over HTTP and TLS (single and multipart uploads, read, list),
  3. asks the server how the objects are encrypted,
  4. tampers with an upload, and 5. smuggles in an unsigned header: both are refused.
Each request is one line. For the telling ones, the header set that came in stands beside the one that went out, and
each chunk's two signatures; both are from the wire, not from what the gateway believes.
"""
_AFTER: Final = """\
The S3 server is MinIO if a `minio` program is found (MINIO_BINARY, PATH, or the one that scripts/test built), else
moto, which comes with the Python packages. MinIO checks every signature; moto checks those of requests only, and not
the way that Spark signs them, so here it is told to take any. With either server, the demo checks all signatures that
leave the gateway itself, by an implementation of Signature Version 4 of its own.

Exit status: 0 if every check held, 1 if one did not, 2 if a part is missing, 130 if Ctrl-C ended the tour.
Everything is in memory or in temporary folders, on loopback, with keys made for this run, and gone at the end.

  scripts/demo                    the tour
  scripts/demo --keep             the tour; then try it yourself with boto3 or spark-submit
  scripts/demo --keep --port 8000 ... at an address you know beforehand
  scripts/demo --identities       another tour, of half a minute: a user of a directory logs in and works with a
                                  session, is refused outside of a role, and clients' keys rotate under load. The
                                  directory is slapd: an installed one, or Debian's, unpacked into the cache.
"""
_PORTS: Final = range(1, 1 << 16)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser("demo", _ABOUT, epilog=_AFTER)
    parser.add_argument(
        "--backend", choices=("auto", "moto", "minio"), default="auto", help="the S3 server (default: auto, see below)"
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="leave it running until Ctrl-C, and print what to paste into boto3 and Spark",
    )
    parser.add_argument("--identities", action="store_true", help="the tour of logins, sessions, roles and rotation")
    parser.add_argument("--port", type=_free, help="the gateway's port (default: a free one)")
    parser.add_argument("--all-headers", action="store_true", help="the header table of every request")
    options = parser.parse_args(arguments)
    if options.keep and options.identities:
        parser.error("--identities keeps nothing running: leave out one of --keep and --identities")
    return options


def _free(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() else 0
    if port not in _PORTS:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 1 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            told = f"cannot listen on {port}: {reason(error)}; give another port, or leave it out for a free one"
            raise argparse.ArgumentTypeError(told) from None
    return port


def _forget_environment() -> None:
    """Let no profile, endpoint or bundle of whoever runs this reach boto3."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def _run(options: argparse.Namespace, screen: Screen, ending: Ending) -> int:
    minio = stage.choose(options.backend)
    tour = _identities if options.identities else _encryption
    return tour(minio, options, screen, ending)


def _encryption(minio: Path | None, options: argparse.Namespace, screen: Screen, ending: Ending) -> int:
    screen.title("The S3 gateway: verifies, adds encryption, signs anew, and passes everything else on untouched")
    clock = _Clock(screen, ending)
    with stage.opened(minio, options.port, clock.say, ending) as parts:
        if not parts.verifies_chunks:
            screen.note(
                "moto takes any signature here: the demo's own check of the wire is what shows that they are right"
            )
        with _to_its_end(parts.gateway, screen):
            Story(parts, screen, all_headers=options.all_headers).play()
        held = clock.verdict()
        if options.keep:
            keep.keep(parts, screen, ending)
        elif held:
            screen.note("scripts/demo --keep leaves it running, for your own boto3 and Spark.")
    return 0 if held else 1


def _identities(minio: Path | None, options: argparse.Namespace, screen: Screen, ending: Ending) -> int:
    program = slapd()
    screen.title("The S3 gateway: users of a directory get sessions, roles say what these may do, and keys rotate")
    clock = _Clock(screen, ending)
    clients = [client.before() for client in CLIENTS]
    with identity_stage.opened(minio, program, clients, options.port, clock.say, ending) as parts:
        with _to_its_end(parts.gateway, screen):
            session = IdentityStory(parts, screen, all_headers=options.all_headers).play()
            RotationStory(parts, screen, ending).play(session)
        return 0 if clock.verdict() else 1


class _Clock:
    """Tells of each part when it is there, and how long all of it took."""

    def __init__(self, screen: Screen, ending: Ending) -> None:
        self._screen, self._ending, self._began = screen, ending, time.monotonic()

    def say(self, text: str) -> None:
        self._screen.line(f"  {time.monotonic() - self._began:4.1f} s  {text}")
        self._ending.checkpoint()

    def verdict(self) -> bool:
        """The checks, and one line on all of them."""
        held = self._screen.summary()
        whole = "All of it held" if held else "NOT all of it held"
        self._screen.line(f"\n{whole}, {time.monotonic() - self._began:.1f} s.", "bold")
        return held


@contextmanager
def _to_its_end(gateway: Gateway, screen: Screen) -> Iterator[None]:
    """A tour that breaks off is a check that does not hold, with the gateway's log."""
    try:
        yield
    except (BotoCoreError, ClientError, OSError, WireError) as error:
        screen.check(f"the tour came to its end: {type(error).__name__}: {error}", holds=False)
        screen.line(gateway.log())


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; the exit status."""
    options = _options(arguments)
    _forget_environment()
    screen = Screen()
    try:
        return _run(options, screen, Ending())
    except MissingPartError as missing:
        sys.stderr.write(f"demo: {missing}\n")
        return 2
    except ProcessError as failed:
        sys.stderr.write(f"demo: {failed}\n")
        return 1
    except Stopped as stopped:
        screen.line("\nStopped; nothing is left running.")
        held = bool(screen.checks) and all(holds for _, holds in screen.checks)
        return 0 if options.keep and stopped.by_ctrl_c and held else stopped.status


if __name__ == "__main__":
    sys.exit(main())
