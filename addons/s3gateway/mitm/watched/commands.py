"""``s3.diff``, ``s3.explain``, ``s3.curl`` and ``s3.export``, for mitmweb's and the console's command lines.

They read what is on the flows and change nothing; ``s3.export`` writes one file. All they show is redacted.
"""

import hashlib
import importlib.metadata
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from mitmproxy import command, ctx, exceptions, flow, types, version

from s3gateway.mitm.start.live import Live
from s3gateway.mitm.watched.contentview import exchange_of
from s3gateway.mitm.watched.foreign import Foreign
from s3gateway.observed import bundle, curl, view
from s3gateway.observed.capture import CaptureError, Exchange

NAME = "s3gatewaycommands"
PACKAGE = Path(__file__).parent.parent


class Commands:
    """The commands of a running gateway."""

    name = NAME

    def __init__(self, live: Live, foreign: Foreign) -> None:
        self._live = live
        self._foreign = foreign

    @command.command("s3.diff")  # type: ignore[untyped-decorator]
    def diff(self, flows: Sequence[flow.Flow]) -> Sequence[str]:
        """Show what became of each header between the client and the backend."""
        return self._lines(flows, view.diff)

    @command.command("s3.explain")  # type: ignore[untyped-decorator]
    def explain(self, flows: Sequence[flow.Flow]) -> Sequence[str]:
        """Say why a request was refused, by the gateway or by the backend."""
        return self._lines(flows, view.explanation)

    @command.command("s3.curl")  # type: ignore[untyped-decorator]
    def curl(self, flows: Sequence[flow.Flow]) -> Sequence[str]:
        """Write a curl command that repeats the client's request, with placeholders for what is secret."""
        return self._lines(flows, curl.command)

    @command.command("s3.export")  # type: ignore[untyped-decorator]
    def export(self, flows: Sequence[flow.Flow], path: types.Path) -> str:
        """Write a ZIP file for a bug report: captures, the same as text, versions and the configuration's shape."""
        found = self._exchanges(flows)
        data = bundle.bundle(found, self._live.current.config, _versions())
        try:
            _write(Path(path).expanduser(), data)
        except OSError as error:
            raise exceptions.CommandError(f"{path} cannot be written: {error.strerror}") from None
        return f"{len(found)} exchanges in {path}"

    def _exchanges(self, flows: Sequence[flow.Flow]) -> list[Exchange]:
        try:
            found = [exchange for one in flows if (exchange := exchange_of(one, self._foreign)) is not None]
        except CaptureError as error:
            raise exceptions.CommandError(f"no exchange to show: {error}") from None
        if not found:
            raise exceptions.CommandError("no flow here has passed the S3 gateway")
        return found

    def _lines(self, flows: Sequence[flow.Flow], render: view.Renderer) -> list[str]:
        return [line for exchange in self._exchanges(flows) for line in render(exchange).splitlines()]


def offer(live: Live, foreign: Foreign) -> None:
    """Add the commands, and a way to them in mitmweb: its own takes no digit in a command's name."""
    if (old := ctx.master.addons.get(NAME)) is not None:
        ctx.master.addons.remove(old)
    ctx.master.addons.add(Commands(live, foreign))
    application = getattr(ctx.master, "app", None)
    if application is not None and old is None:
        from mitmproxy.tools.web.app import ExecuteCommand  # noqa: PLC0415 - mitmweb has loaded it, nobody else needs it

        application.add_handlers(r".*", [(r"/commands/(?P<cmd>s3\.[a-z]+)", ExecuteCommand)])


def _versions() -> dict[str, str]:
    """Name what runs here; the gateway by a digest of its source, which says more than a number would."""
    source = hashlib.sha256()
    for module in sorted(PACKAGE.rglob("*.py")):
        source.update(module.relative_to(PACKAGE).as_posix().encode() + b"\0" + module.read_bytes())
    return {
        "gateway": f"source {source.hexdigest()[:16]}",
        "mitmproxy": version.VERSION,
        "botocore": importlib.metadata.version("botocore"),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def _write(path: Path, data: bytes) -> None:
    """Write a new file for its owner's eyes; nothing is overwritten."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
