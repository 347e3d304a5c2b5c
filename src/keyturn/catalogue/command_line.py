"""Servers that make a command line of their arguments: a text there may be more than a value.

Where such a server parses it (.NET's System.CommandLine in Microsoft's), a text that begins with ``-`` is an option
and one that begins with ``@`` names a file whose words are options; what of them is none comes back in the error.
"""

from typing import Any

import msgspec

from keyturn.core.profile import WORST, Profile


def smuggles(value: Any) -> bool:
    """True if a text in the arguments, at any depth, would be more than a value."""
    if isinstance(value, dict):
        return any(map(smuggles, value.values()))
    if isinstance(value, list):
        return any(map(smuggles, value))
    return isinstance(value, str) and value.startswith(("-", "@"))


def unread(base: Profile) -> Profile:
    """The profile of a call that smuggles: the worst case of the tool of ``base``."""
    why = "an argument begins with - or @: the server takes it for another option, or for a file of options to read"
    return msgspec.structs.replace(WORST, tool=base.tool, basis=base.basis, why=why)
