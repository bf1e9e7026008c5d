"""A headless Chromium on mitmweb's page: what an operator sees and clicks. Nothing is downloaded for it."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.real.waiting import eventually

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


_HIDE_SIGNATURES = """
for (const value of document.querySelectorAll(".kv-value"))
    if (/Signature=[0-9a-f]{64}/.test(value.textContent))
        value.textContent = value.textContent.replace(/Signature=[0-9a-f]{64}/, "Signature=...");
"""
"""While a request is held, its own signature is on the page; it need not be in a picture."""


def chromium() -> tuple[str, str]:
    """Find browser and driver, as Debian installs them; without them skip, under CI=true fail."""
    found = shutil.which("chromium"), shutil.which("chromedriver")
    if found[0] and found[1]:
        return found[0], found[1]
    remedy = "no chromium: apt-get install chromium chromium-driver"
    if os.environ.get("CI") == "true":
        pytest.fail(remedy, pytrace=False)
    pytest.skip(remedy)


_WRITE = """
if (!document.activeElement.isContentEditable) return false;
document.execCommand("selectAll");
return document.execCommand("insertText", false, arguments[0]);
"""
"""Replaces the text that is being edited, as typing does; false where none is."""


_DRAWN_ANEW = (StaleElementReferenceException, ElementClickInterceptedException, ElementNotInteractableException)
"""What comes of an element that the page replaces, covers or hides between our look at it and our touch."""


def _patiently[T](step: Callable[[], T], what: str = "") -> T:
    """Take the step until it gives something, and anew where the page was drawn anew meanwhile."""

    def look() -> T | None:
        try:
            return step()
        except _DRAWN_ANEW:
            return None

    found = eventually(look, what)
    assert found is not None
    return found


def _in_one_line(element: WebElement) -> str:
    """Its text. mitmweb 12.3 draws a cell of a row as a line, 12.2 as a word."""
    return element.text.replace("\n", " ")


class Page:
    """mitmweb's page."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def find(self, selector: str, text: str = "") -> WebElement:
        """Wait for the element of a CSS selector that contains ``text``."""

        def look() -> WebElement | None:
            return next((one for one in self._all(selector) if text in _in_one_line(one)), None)

        element = _patiently(look, f"{selector} with {text!r}")
        assert element is not None
        return element

    def _all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str, text: str = "") -> str:
        """Wait for the element that contains ``text``, and give all of its text."""
        return _patiently(lambda: self.find(selector, text).text)

    def click(self, selector: str, text: str = "") -> None:
        """Click it, as often as the page replaces it meanwhile."""

        def clicked() -> bool:
            self.find(selector, text).click()
            return True

        _patiently(clicked)

    def press(self, selector: str, *keys: str) -> None:
        """Type into it; nothing is typed into what the page has replaced."""

        def pressed() -> bool:
            self.find(selector).send_keys(*keys)
            return True

        _patiently(pressed)

    def rows(self) -> list[str]:
        """The flow list, a text for each flow."""
        try:
            return [text for row in self._all(".flow-table tbody tr") if (text := _in_one_line(row))]
        except StaleElementReferenceException:
            return []

    def wait_for_row(self, *texts: str) -> None:
        """Wait until the list has a row with all these texts."""
        eventually(lambda: any(all(text in row for text in texts) for row in self.rows()), f"no row with {texts}")

    def open(self, text: str) -> None:
        """Open the flow whose row has this text, at its request."""
        self.click(".flow-table tbody tr", text)
        self.click(".flow-detail nav a", "Request")

    def view(self, *texts: str) -> str:
        """The content view, as soon as it has all these texts."""

        def look() -> str:
            text = "\n".join(one.text for one in self._all(".flow-detail pre"))
            return text if all(wanted in text for wanted in texts) else ""

        return _patiently(look, f"a view with {texts}")

    def edit(self, selector: str, text: str, value: str) -> None:
        """Replace the text of one of the page's editable pieces."""

        def edited() -> bool:
            if any(value in one.text for one in self._all(selector)):
                return True
            self._write(selector, text, value)
            self.driver.switch_to.active_element.send_keys(Keys.ENTER)
            return any(value in one.text for one in self._all(selector))

        _patiently(edited, f"{selector} does not become {value!r}")

    def _write(self, selector: str, text: str, value: str) -> None:
        """Click until it can be written into, and write in the same step: the page may be drawn again at any time.

        What is typed without a focus is a command to the page, such as to delete the flow.
        """

        def written() -> bool:
            self.click(selector, text)
            with contextlib.suppress(TimeoutException):
                return bool(WebDriverWait(self.driver, 2).until(lambda page: page.execute_script(_WRITE, value)))
            return False

        eventually(written, f"{selector} cannot be edited")

    def edit_body(self, value: str, picture: Path | None) -> None:
        """Replace the body in the page's editor, and keep what that looks like."""
        self.click(".flow-detail button", "Edit")

        def written() -> bool:
            self.press(".cm-content", Keys.CONTROL, "a")  # an editor of its own, which takes keys only
            self.press(".cm-content", value)
            return self.text(".cm-content") == value

        _patiently(written, "the body cannot be edited")
        self.picture(picture)
        self.click(".flow-detail button", "Done")

    def resume(self) -> None:
        """Resume the flow that was just opened, once it is held."""
        self.find("tr.selected.intercepted")
        self.click("button[title*='intercepted flow']", "Resume")
        eventually(lambda: not self._all("tr.intercepted"), "not resumed")

    def command(self, line: str) -> str:
        """Run a command in the page's command bar and give what it answers."""
        if not self._all(".command-input"):
            self.click("nav a", "Options")
            self.click("label", "Display Command Bar")
        before = len(self._answers())
        self.press(".command-input input", line, Keys.ENTER)
        return _patiently(lambda: self._answers()[before:], f"no answer to {line}")[-1]

    def _answers(self) -> list[str]:
        return [one.text for one in self._all(".command-result > div")]

    def picture(self, path: Path | None, *, view_on_top: bool = False) -> None:
        """Keep what is seen, if there is somewhere to keep it; with the content view scrolled to."""
        if path is None:
            return
        self.driver.execute_script(_HIDE_SIGNATURES)
        if view_on_top:
            pre = self.find(".flow-detail pre")
            self.driver.execute_script("arguments[0].scrollIntoView({block: 'start'})", pre)
        path.parent.mkdir(exist_ok=True)
        self.driver.save_screenshot(str(path))


@contextmanager
def browsing(url: str, profile: Path, size: tuple[int, int] = (1500, 1000)) -> Iterator[Page]:
    """Open mitmweb's page in a new browser with a profile of its own."""
    browser, driver_path = chromium()
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options, Service(driver_path))
    try:
        driver.get(url)
        yield Page(driver)
    finally:
        driver.quit()
