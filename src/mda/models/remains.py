"""What a cut file of weights was going to hold: names and shapes from its beginning, to tell people what they have.

Both formats say first what they hold: safetensors in a header of JSON, `torch.save` in a pickle, of which the opcodes
are read here, but never run.
"""

import json
import pickletools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Promised = dict[str, tuple[int, ...]]
# No network has so many tensors that it needs more.
_LONGEST_HEADER = 100_000_000
_LOCAL_FILE, _LOCAL_LENGTH = b"PK\x03\x04", 30


def promised_shapes(path: Path) -> Promised:
    """Shapes of tensors by name, as far as the beginning of a file tells; empty where it does not."""
    try:
        with path.open("rb") as file:
            start = file.read(_LOCAL_LENGTH)
            if start.startswith(_LOCAL_FILE):
                # The first member is the pickle; names and sizes of the members stand at the end, which is gone.
                file.seek(int.from_bytes(start[26:28], "little") + int.from_bytes(start[28:30], "little"), 1)
                return _of_opcodes((opcode.name, argument) for opcode, argument, _ in pickletools.genops(file))
            length = int.from_bytes(start[:8], "little")
            if not 0 < length <= _LONGEST_HEADER:
                return {}
            file.seek(8)
            return _of_header(json.loads(file.read(length)))
    except (OSError, ValueError, EOFError):
        return {}


def _of_header(header: object) -> Promised:
    """From the header of a safetensors file."""
    entries = header.items() if isinstance(header, dict) else ()
    return {
        name: tuple(entry["shape"])
        for name, entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("shape"), list)
    }


def _of_opcodes(opcodes: Iterable[tuple[str, Any]]) -> Promised:
    """From a pickle of tensors by name, as torch writes them: name, storage, offset, (size, ...), stride.

    What was found before the opcodes end or make no sense is kept.
    """
    found: Promised = {}
    name, numbers = "", None
    try:
        for opcode, argument in opcodes:
            if isinstance(argument, str) and "UNICODE" in opcode and "." in argument:
                name = argument
            elif opcode == "BINPERSID":
                numbers = []
            elif numbers is None:
                continue
            elif opcode.startswith(("BININT", "LONG")) and isinstance(argument, int) and "PUT" not in opcode:
                numbers.append(argument)
            elif "TUPLE" in opcode:
                found[name] = tuple(numbers[1:])
                numbers = None
    except (ValueError, EOFError):
        pass
    return found
