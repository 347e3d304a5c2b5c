"""Manifests of Kubernetes: which objects they hold. Nothing else in them is believed, so nothing else is read.

YAML is read in the plain form only: block style, the mapping at the left edge, every key there written plainly. Then
whatever stands at the left edge is a key of the object, so its kind can't hide; two of them end the reading. The same
holds for the metadata's own edge, and no quote or bracket in it goes on in the next line, where it would hide a key or
make one up.
"""

import json
import re
from typing import Any, Final

import msgspec

from keyturn.core.operation import Unread

MOST: Final = 200


class Object(msgspec.Struct, frozen=True):
    """An object: its kind, and its name and namespace where it says so."""

    kind: str
    name: str = ""
    namespace: str = ""


_ODD: Final = re.compile("[^\n -~\u00a0-\u2027\u202f-\u205f\u2070-\ud7ff\ufb00-\ufdff]")
_DOCUMENT: Final = re.compile(r"\n---[ ]*(?:#.*)?(?=\n)")
_WRITTEN: Final = re.compile(r"\n[^#\n]")
_FIRST: Final = re.compile(r"\n(?! *[#\n])(.)")
_EDGE: Final = re.compile(r"\n(?!- )(?:([A-Za-z]\w*):(?: +([^#\n]*?))?(?: +#.*)?|[^ \n#].*)$", re.M)
_PLAIN: Final = re.compile(r"([\"']?)([A-Za-z0-9][\w.:-]*)\1")
_META: Final = re.compile(r"\nmetadata:[ ]*(?:#.*)?((?:\n(?:[ ].*|#.*)?)*)")
_KEY: Final = re.compile(r"(?:[A-Za-z][\w./-]*:(?: |$)|- |-$)")
_QUOTED: Final = re.compile(r"""(?<![^\s\[{(,])(?:'[^']*'|"(?:[^"\\]|\\.)*")""")
_COMMENT: Final = re.compile(r"(?<!\S)#.*")
_BLOCK: Final = re.compile(r"( *(?:- +)*)(?:.*: +)?[|>][-+\d]* *$")
_NAMED: Final = re.compile(r"\n( +)(name|namespace):(?: +([^#\n]*?))?(?: +#.*)?$", re.M)


def objects(manifest: Any) -> list[Object] | Unread:
    """The objects of a manifest: a text in JSON or YAML, an object, or a list of objects."""
    if isinstance(manifest, str):
        text = manifest.replace("\r\n", "\n").strip("\n")
        if not text.lstrip().startswith(("{", "[")):
            return _documents(f"\n{text}\n")
        try:
            manifest = msgspec.json.decode(text)
        except msgspec.DecodeError:
            return Unread("the manifest is no JSON")
        if text.count('"kind"') > 1 and _twice(text):
            return Unread("a key of the manifest is there twice")
    found = manifest if isinstance(manifest, list) else [manifest]
    if not 0 < len(found) <= MOST:
        return Unread("the manifest holds no object, or too many")
    every: list[Object] = []
    for each in found:
        one = _object(each)
        if isinstance(one, Unread):
            return one
        every += one
    return every or Unread("the manifest holds no object")


def _twice(text: str) -> bool:
    pairs: list[bool] = []

    def once(items: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(items)
        pairs.append(len(made) < len(items))
        return made

    json.loads(text, object_pairs_hook=once)
    return any(pairs)


def _object(value: Any) -> list[Object] | Unread:
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        return Unread("an object says no kind")
    if {key.casefold() for key in value if isinstance(key, str)} & {"kind", "items"} - value.keys():
        return Unread("an object says its kind in more than one way")
    kind, meta = value["kind"], value.get("metadata") or {}
    if kind.endswith("List") or "items" in value:
        items = value.get("items")
        return objects(items) if isinstance(items, list) else Unread("a list holds no items")
    if not isinstance(meta, dict):
        return Unread("an object has no plain metadata")
    name, namespace = meta.get("name") or "", meta.get("namespace") or ""
    if not all(isinstance(one, str) and (not one or _PLAIN.fullmatch(one)) for one in (name, namespace)):
        return Unread("the name of an object is no plain name")
    return [Object(kind, name, namespace)]


def _documents(text: str) -> list[Object] | Unread:
    """The objects of a text whose lines each stand behind a newline, so that a search leaps from line to line."""
    if _ODD.search(text):
        return Unread("the manifest holds characters that can't be seen or that look like others")
    found = []
    for document in _DOCUMENT.split(text):
        if not _WRITTEN.search(document):
            continue
        one = _document(document)
        if isinstance(one, Unread):
            return one
        found.append(one)
    return found if 0 < len(found) <= MOST else Unread("the manifest holds no object, or too many")


def _document(text: str) -> Object | Unread:
    first = _FIRST.search(text)
    if first is None or first[1] == " ":
        return Unread("the manifest is not written plainly")
    written = _EDGE.findall(text)
    keys = dict(written)
    if "" in keys or len(keys) < len(written):
        return Unread("the manifest is not written plainly")
    kind = _PLAIN.fullmatch(keys.get("kind", ""))
    if kind is None or kind[2].endswith("List") or "items" in keys:
        return Unread("the manifest does not say its kind plainly")
    meta = _META.search(text)
    named: dict[str, str] = {}
    within = meta[1] if meta else ""
    lines = [line for line in within.split("\n") if line.lstrip(" ")[:1] not in ("", "#")]
    edge = " " * (len(lines[0]) - len(lines[0].lstrip(" "))) if lines else ""
    if keys.get("metadata") or not _is_plain(lines, len(edge)):
        return Unread("the metadata is not written plainly")
    for indent, key, value in _NAMED.findall(within):
        if indent == edge:
            plain = _PLAIN.fullmatch(value)
            if plain is None or key in named:
                return Unread("the manifest does not say its name plainly")
            named[key] = plain[2]
    return Object(kind[2], named.get("name", ""), named.get("namespace", ""))


def _is_plain(lines: list[str], edge: int) -> bool:
    """Whether each key at the edge of these written lines is plain, and no quote or bracket goes on in the next one."""
    block = -1
    for line in lines:
        told = line.lstrip(" ")
        indent = len(line) - len(told)
        if -1 < block < indent:
            continue
        bare = _COMMENT.sub("", _QUOTED.sub("", line))
        if indent < edge or (indent == edge and not _KEY.match(told)):
            return False
        if "'" in bare or '"' in bare or bare.count("{") != bare.count("}") or bare.count("[") != bare.count("]"):
            return False
        begun = _BLOCK.match(bare)
        block = len(begun[1]) if begun else -1
    return True
