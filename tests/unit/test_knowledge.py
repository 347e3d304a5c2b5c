"""What the operator's files say: profiles by server, assets by target, and refusal of what can't be read."""

from pathlib import Path

import pytest

from keyturn.config import read_config
from keyturn.core.action import Target, ToolRef
from keyturn.core.profile import Reversible, Stage
from keyturn.errors import ConfigError
from keyturn.gate.ports import Definition
from keyturn.knowledge import FileKnowledge, read_inventory


def knowledge(tmp_path: Path, text: str) -> FileKnowledge:
    path = tmp_path / "keyturn.toml"
    path.write_text(text)
    return FileKnowledge.of(read_config(path))


def defined(upstream: str, name: str, **annotations: bool) -> Definition:
    return Definition(
        tool=ToolRef(upstream, name), fingerprint="f", input_schema={"type": "object"}, annotations=annotations
    )


def test_a_server_is_recognised_by_its_command_or_named_by_the_operator(tmp_path: Path) -> None:
    known = knowledge(
        tmp_path,
        "[upstreams.a]\ncommand='python'\nargs=['-m','keyturn.range']\n"
        "[upstreams.b]\ncommand='anything'\ncatalogue='keyturn-range'\n[upstreams.c]\ncommand='anything'",
    )
    stages = {name: known.profile(defined(name, "edr_get_host"), {"hostname": "H"}).stage for name in "abc"}
    assert stages == {"a": Stage.ANALYSE, "b": Stage.ANALYSE, "c": Stage.RESPOND}
    assert known.profile_named(ToolRef("a", "edr_lift_isolation")) is not None
    assert known.profile_named(ToolRef("a", "no_such_tool")) is None
    assert known.profile_named(ToolRef("c", "edr_lift_isolation")) is None


def test_a_hint_raises_a_profile(tmp_path: Path) -> None:
    known = knowledge(tmp_path, "[upstreams.a]\ncommand='x'\ncatalogue='keyturn-range'")
    profile = known.profile(defined("a", "edr_get_host", destructiveHint=True), {})
    assert (profile.stage, profile.reversible) == (Stage.RESPOND, Reversible.IRREVERSIBLE)


def test_a_catalogue_name_that_no_file_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"upstreams\.a\.catalogue"):
        knowledge(tmp_path, "[upstreams.a]\ncommand='x'\ncatalogue='falcn'")


def test_an_exposed_credential_is_the_upstreams_own(tmp_path: Path) -> None:
    known = knowledge(tmp_path, "[upstreams.a]\ncommand='x'\nexposed=true\n[upstreams.b]\ncommand='x'")
    assert (known.exposed("a"), known.exposed("b")) == (True, False)


ASSETS = {
    "i.toml": "[[assets]]\nkind='host'\nid='DC-01'\nowner='it'\nenvironment='production'\ncrown_jewel=true",
    "i.yaml": "assets:\n  - {kind: host, id: DC-01, owner: it, environment: production, crown_jewel: true}",
    "i.json": '{"assets":[{"kind":"host","id":"DC-01","owner":"it","environment":"production","crown_jewel":true}]}',
}


@pytest.mark.parametrize("name", ASSETS)
def test_an_inventory_in_each_format_and_case_does_not_hide_a_crown_jewel(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(ASSETS[name])
    known = knowledge(tmp_path, f"inventory = '{name}'")
    for spelling in ("DC-01", "dc-01", "ＤＣ-01", " DC-01 "):
        asset = known.asset(Target("host", spelling))
        assert asset is not None and asset.crown_jewel and asset.environment == "production", spelling
    assert known.asset(Target("user", "DC-01")) is None


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("i.json", "{", "can't be used"),
        ("i.txt", "x", "neither .toml"),
        ("i.toml", "[[assets]]\nkind='host'\nid='a'\nenvironment='prod'", "Invalid enum value 'prod'"),
        ("i.toml", "[[assets]]\nkind='host'\nid='a'\ncrown=true", "unknown field `crown`"),
        ("i.toml", "[[assets]]\nkind='host'\nid='a'\n[[assets]]\nkind='host'\nid='A'", "twice"),
    ],
)
def test_an_inventory_that_can_not_be_used_is_refused(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=says):
        read_inventory(tmp_path / name)


def test_an_inventory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be used"):
        read_inventory(tmp_path / "none.toml")
