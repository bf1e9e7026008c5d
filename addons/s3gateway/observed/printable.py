"""Keys and headers may hold anything: what a terminal would act on, and what is no text, is escaped to be shown."""


def printable(value: bytes | str) -> str:
    """Escape control characters and lone surrogates as Python does."""
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
    if text.isprintable():  # which no lone surrogate is
        return text
    return "".join(c if c.isprintable() and not "\ud800" <= c <= "\udfff" else ascii(c)[1:-1] for c in text)
