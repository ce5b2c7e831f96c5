"""Enumerations that are typed by people: a wrong word is answered with the right ones."""

from enum import StrEnum
from typing import NoReturn

from mda.errors import ConfigError


class Choice(StrEnum):
    """A string enumeration whose error message lists what may be said."""

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        options = ", ".join(member.value for member in cls)
        message = f"{cls.__name__.lower()} {value!r} is not known. Expected one of: {options}."
        raise ConfigError(message)
