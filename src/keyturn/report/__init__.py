"""A case as one HTML file for a reader, with the excerpt of the journal in it for a verifier.

No script, nothing loaded from elsewhere. What is readable is written from the excerpt alone, always in the same way, so
that a checker writes it again and compares: a report whose words were changed is refused like one whose entries were.
"""

from keyturn.report.casefile import excerpt_in, render, same_words

__all__ = ["excerpt_in", "render", "same_words"]
