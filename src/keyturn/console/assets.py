"""What the pages load: files of this package, read once, each at an address that bears its hash, so that a browser
keeps it for good and never runs another version's script."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import Response

PREFIX = "/console/static"
_KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    """A file as it goes out. ``url`` is where it is found."""

    url: str
    media: str
    body: bytes

    def response(self) -> Response:
        """The file, to be kept."""
        kept = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(self.body, 200, kept, media_type=self.media)


class Assets:
    """Every file under a folder that a page may load, by its name there (``vendor/htmx.min.js``)."""

    def __init__(self, folder: Path) -> None:
        found = {}
        for path in sorted(folder.rglob("*")):
            if media := _KINDS.get(path.suffix):
                name, body = path.relative_to(folder).as_posix(), path.read_bytes()
                found[name] = Asset(f"{PREFIX}/{hashlib.sha256(body).hexdigest()[:16]}/{name}", media, body)
        self._by_name = found
        self._by_url = {asset.url: asset for asset in found.values()}

    def url(self, name: str) -> str:
        """Where the file of that name is found; :class:`KeyError` if there is none."""
        return self._by_name[name].url

    def at(self, path: str) -> Asset | None:
        """The file at a path."""
        return self._by_url.get(path)
