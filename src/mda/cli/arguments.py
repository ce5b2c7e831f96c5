"""Parsers of option values; what they refuse, argparse reports with the name of the option."""

from argparse import ArgumentTypeError


def whole_number(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        message = f"{text!r} is not a whole number above 0"
        raise ArgumentTypeError(message)
    return int(text)


def positive_number(text: str) -> float:
    """A number above 0."""
    message = f"{text!r} is not a number above 0"
    try:
        value = float(text)
    except ValueError:
        raise ArgumentTypeError(message) from None
    if not 0 < value < float("inf"):
        raise ArgumentTypeError(message)
    return value


def height_and_width(text: str) -> tuple[int, int]:
    """Height and width from text like 240x320."""
    height, separator, width = text.lower().partition("x")
    if not (separator and height.isdecimal() and width.isdecimal() and int(height) > 0 and int(width) > 0):
        message = f"{text!r} is not a size; expected HEIGHTxWIDTH, e.g. 240x320"
        raise ArgumentTypeError(message)
    return int(height), int(width)


def share(text: str) -> float:
    """A share above 0 and up to 1."""
    value = positive_number(text)
    if value > 1:
        message = f"{text!r} is not a share; expected a number above 0 and up to 1"
        raise ArgumentTypeError(message)
    return value
