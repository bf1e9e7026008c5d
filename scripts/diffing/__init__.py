"""What became of every header on its way through a gateway, for people and for CI. See scripts/diff_headers.

``pairing`` finds which request in front is which behind, ``report`` is what was found; ``table``, ``markdown``,
``document`` and ``page`` show it on a terminal, in a pull request, to a program, and to a person with a browser.
"""
