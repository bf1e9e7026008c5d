"""mitmproxy's console in a tmux: keys in, screen out."""

import contextlib
import os
import shutil
import socket
import subprocess

import pytest

from lab.gateway import Gateway
from lab.ports import accepts
from lab.process import Command, start
from tests.real.waiting import eventually

COLUMNS, LINES = 130, 200


def tmux() -> str:
    """Find it; without it skip, under CI=true fail."""
    found = shutil.which("tmux")
    if found:
        return found
    remedy = "no tmux: apt-get install tmux"
    if os.environ.get("CI") == "true":
        pytest.fail(remedy, pytrace=False)
    pytest.skip(remedy)


class Console(Gateway):
    """A gateway in the console, on a terminal that is tall enough to show a whole view."""

    def start(self) -> None:
        """Start tmux's server, which dies with us, and in it the console."""
        program = tmux()
        self.write_config(self._config)
        self._tmux = [program, "-S", str(self.folder / "tmux"), "-f", os.devnull]
        env = {name: value for name, value in os.environ.items() if name != "TMUX"}
        env |= {"TERM": "screen-256color", "LC_ALL": "C.UTF-8"}
        server = Command("tmux", [*self._tmux, "-D"], self.log_path, env)
        self._process = start(server, self._tmux_listens)
        size = ["-x", str(COLUMNS), "-y", str(LINES)]
        self.tell("new-session", "-d", *size, *self.command())
        eventually(lambda: accepts(self.port), "the console does not listen")

    def _tmux_listens(self) -> bool:
        """Whether the server takes connections: before it does, a command would start a server of its own."""
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.connect(str(self.folder / "tmux"))
            return True
        return False

    def tell(self, *arguments: str) -> str:
        """Run a tmux command."""
        done = subprocess.run([*self._tmux, *arguments], check=True, capture_output=True, text=True, timeout=120)
        return done.stdout

    def keys(self, *keys: str) -> None:
        """Press keys, named as tmux names them."""
        self.tell("send-keys", *keys)

    def type(self, command: str) -> None:
        """Run a command of the console's: ``:``, the command, Enter."""
        self.keys(":")
        self.tell("send-keys", "-l", command)
        self.keys("Enter")

    def screen(self) -> str:
        """What is on the screen."""
        return self.tell("capture-pane", "-p")

    def see(self, *texts: str) -> str:
        """Wait until all these texts are on the screen."""

        def look() -> str:
            screen = self.screen()
            return screen if all(text in screen for text in texts) else ""

        return eventually(look, f"not on the screen: {texts}")

    def leave(self, text: str) -> None:
        """Leave a page that has this text: press q, and wait until the text is gone."""
        self.keys("q")
        eventually(lambda: text not in self.screen(), f"still on the screen: {text}")
