"""The flow list's marker and comment: names that mitmproxy knows, and never over what a person wrote."""

import pytest
from mitmproxy.test import tflow
from mitmproxy.utils.emoji import emoji

from s3gateway.mitm.watched import listing
from s3gateway.observed.capture import Exchange
from tests.observed.test_view import ADMITTED, REFUSED

MARKERS = (listing.ADMITTED, listing.FAILED, listing.REFUSED, listing.UNKNOWN)


NOTHING = ("", "")
"""What was set before there was anything to tell."""


@pytest.mark.parametrize("marker", MARKERS)
def test_markers_are_one_character_that_mitmproxy_has(marker: str) -> None:
    """The console shows the first character of what the name stands for."""
    assert len(emoji[marker]) == 1


@pytest.mark.parametrize(("exchange", "marker"), [(ADMITTED, listing.ADMITTED), (REFUSED, listing.REFUSED)])
def test_it_follows_the_exchange(exchange: Exchange, marker: str) -> None:
    flow = tflow.tflow()
    before = listing.tell(flow, ADMITTED, NOTHING)
    listing.tell(flow, exchange, before)
    assert flow.marked == marker
    assert "PutObject bucket/key spark" in flow.comment


def test_what_a_person_wrote_stays() -> None:
    flow = tflow.tflow()
    before = listing.tell(flow, ADMITTED, NOTHING)
    flow.marked, flow.comment = ":cat:", "look at this"
    listing.tell(flow, REFUSED, before)
    assert (flow.marked, flow.comment) == (":cat:", "look at this")
