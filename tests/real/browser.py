"""A headless Chromium on mitmweb's page: what an operator sees and clicks. Nothing is downloaded for it."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
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


class Page:
    """mitmweb's page."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def find(self, selector: str, text: str = "") -> WebElement:
        """Wait for the element of a CSS selector that contains ``text``."""

        def look() -> WebElement | None:
            try:
                found = self.driver.find_elements(By.CSS_SELECTOR, selector)
                return next((one for one in found if text in one.text), None)
            except StaleElementReferenceException:
                return None

        element = eventually(look, f"{selector} with {text!r}")
        assert element is not None
        return element

    def click(self, selector: str, text: str = "") -> None:
        """Click it, as often as the page replaces it meanwhile."""

        def clicked() -> bool:
            try:
                self.find(selector, text).click()
            except StaleElementReferenceException:
                return False
            return True

        eventually(clicked)

    def rows(self) -> list[str]:
        """The flow list, a text for each flow."""
        try:
            found = self.driver.find_elements(By.CSS_SELECTOR, ".flow-table tbody tr")
            return [row.text for row in found if row.text]
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
            shown = self.driver.find_elements(By.CSS_SELECTOR, ".flow-detail pre")
            text = "\n".join(one.text for one in shown)
            return text if all(wanted in text for wanted in texts) else ""

        return eventually(look, f"a view with {texts}")

    def edit(self, selector: str, text: str, value: str) -> None:
        """Replace the text of one of the page's editable pieces."""
        self._write(selector, text, value)
        self.driver.switch_to.active_element.send_keys(Keys.ENTER)
        self.find(selector, value)

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
        self.click(".cm-content")  # an editor of its own, which takes keys only
        self.driver.switch_to.active_element.send_keys(Keys.CONTROL, "a")
        self.driver.switch_to.active_element.send_keys(value)
        self.picture(picture)
        self.click(".flow-detail button", "Done")

    def resume(self) -> None:
        """Resume the flow that was just opened, once it is held."""
        self.find("tr.selected.intercepted")
        self.click("button[title*='intercepted flow']", "Resume")
        eventually(lambda: not self.driver.find_elements(By.CSS_SELECTOR, "tr.intercepted"), "not resumed")

    def command(self, line: str) -> str:
        """Run a command in the page's command bar and give what it answers."""
        if not self.driver.find_elements(By.CSS_SELECTOR, ".command-input"):
            self.click("nav a", "Options")
            self.click("label", "Display Command Bar")
        before = len(self._answers())
        self.find(".command-input input").send_keys(line, Keys.ENTER)
        eventually(lambda: len(self._answers()) > before, f"no answer to {line}")
        return self._answers()[-1]

    def _answers(self) -> list[str]:
        return [one.text for one in self.driver.find_elements(By.CSS_SELECTOR, ".command-result > div")]

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
