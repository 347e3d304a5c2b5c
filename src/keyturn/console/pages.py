"""The templates: every value is escaped, an unknown name is an error, and no template marks anything as safe."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from keyturn.console import words
from keyturn.console.assets import Assets
from keyturn.core import hidden

HERE = Path(__file__).parent


class Pages:
    """Renders templates of this package. ``assets`` are the files that pages load."""

    def __init__(self) -> None:
        self.assets = Assets(HERE / "static")
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.globals.update(
            asset=self.assets.url, shown=hidden.shown, marks_in=hidden.marks_in, Mark=hidden.Mark
        )
        self._templates.filters.update(
            clock=words.clock,
            iso=words.iso,
            left=words.left,
            ago=words.ago,
            spaced=words.spaced,
            number=words.number,
            json=words.json,
            pretty=words.pretty,
            span=words.span,
            many=words.many,
            host=words.host,
        )
        self._templates.globals.update(words=words)
        self._templates.globals["p"] = self._templates.get_template("parts.html").module

    def render(self, template: str, **values: Any) -> str:
        """The text of one template."""
        return self._templates.get_template(template).render(values)
