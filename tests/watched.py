"""The gateway as tests start it: at its most talkative, and searched for secrets when it stops.

Production runs without flows, mitmweb with them, and both must behave alike. So about half of the tests have a gateway
that writes a flow file, and the others one that makes no flow. Which one it is follows from the test's name alone, so a
test that fails does so again.
"""

import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.gateway import Gateway
from tests.canary import CANARY
from tests.sent import SENT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DEBUG = ["--set", "termlog_verbosity=debug"]
LOUD = Path(__file__).with_name("loud.py")


def falls_on_watched(*, per_file: bool = False) -> bool:
    """Whether the running test has a gateway with flows; ``per_file`` decides once for all tests of a file.

    A gateway that several tests share is started by whichever of them runs first, so its name must not decide.
    """
    name = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    return bool(zlib.crc32((name.partition("::")[0] if per_file else name).encode()) & 1)


class WatchedGateway(Gateway):
    """A gateway whose log and flow file are searched when it stops.

    ``watched=True`` has it write a flow file, and None leaves that to :func:`falls_on_watched`. ``watched=False``
    leaves the command line as a user's, for tests of what that writes; the log is searched even so. ``shared`` is a
    gateway of several tests.
    """

    def __init__(
        self, config: Mapping[str, Any], *, watched: bool | None = None, shared: bool = False, **options: Any
    ) -> None:
        super().__init__(config, **options)
        self._is_loud = watched is not False
        self._is_watched = falls_on_watched(per_file=shared) if watched is None else watched

    @property
    def flow_file(self) -> Path:
        """Where the flows are written, if they are."""
        given = super().command()
        return Path(given[given.index("-w") + 1]) if "-w" in given else self.folder / "flows"

    def command(self) -> list[str]:
        given = super().command()
        if self._is_loud:
            given += ["-s", str(LOUD)]
            given += [] if any(part.startswith("termlog_verbosity") for part in given) else DEBUG
        if self._is_watched:
            given += [] if "-w" in given else ["-w", str(self.flow_file)]
        return given

    def write_config(self, config: Mapping[str, Any] | str) -> None:
        CANARY.watch_config(config)
        super().write_config(config)

    def client(self, **options: Any) -> "S3Client":
        client = super().client(**options)
        client.meta.events.register("before-send.s3", _watch_request)
        return client

    def stop(self) -> None:
        was_running = self._process is not None and self._process.running
        super().stop()
        if was_running:
            self.check()

    def check(self) -> None:
        """Fail if there is a secret in what was written so far."""
        places = {"the log": self.log_path.read_bytes()}
        captured = (self._config.get("log") or {}).get("capture")
        audited = (self._config.get("audit") or {}).get("file")
        files = {
            "the flow file": self.flow_file,
            "the capture": Path(captured) if captured else None,
            "the audit log": Path(audited) if audited else None,
        }
        places |= {place: file.read_bytes() for place, file in files.items() if file and file.is_file()}
        CANARY.check(places)


def _watch_request(request: Any, **_: object) -> None:
    CANARY.watch_headers(request.url, list(request.headers.items()))
    SENT.note_headers([(_bytes(name), _bytes(value)) for name, value in request.headers.items()])


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
