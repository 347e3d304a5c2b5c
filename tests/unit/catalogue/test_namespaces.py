"""Tools that run others of their file, on Azure's server as it lists itself in each mode."""

import json
from pathlib import Path
from typing import Any

import pytest

from keyturn.catalogue import Catalogue, read_vendor
from keyturn.catalogue.build import texts
from keyturn.core.profile import Profile, Reversible, Stage, Touches, named_targets, resolve
from keyturn.core.sentence import holes
from keyturn.errors import ProfileError

AZURE = json.loads((Path(__file__).parents[2] / "vectors" / "catalogue" / "mcp.json").read_text())
SERVER = AZURE["server"]
SCHEMAS = {tool["name"]: tool["inputSchema"] for tool in AZURE["tools"]}
HINTS = {tool["name"]: tool["annotations"] for tool in AZURE["tools"]}
CATALOGUE = Catalogue.of([read_vendor(text, name) for name, text in texts().items()])
COMMANDS = [(name, command) for name, commands in AZURE["commands"].items() for command in commands]


def example(schema: dict[str, Any], name: str) -> Any:
    kind = schema["type"]
    if kind == "array":
        return [example(schema["items"], name)]
    return schema["enum"][0] if "enum" in schema else {"string": name, "boolean": True, "object": {}}.get(kind, 1)


def arguments_of(command: str) -> dict[str, Any]:
    return {name: example(schema, name) for name, schema in SCHEMAS[command]["properties"].items()}


def call(command: object, parameters: Any = None, **more: Any) -> dict[str, Any]:
    return {"intent": "do it", "command": command, "parameters": parameters or {}, **more}


def is_worst(profile: Profile) -> bool:
    ours = (profile.stage, profile.reversible, profile.touches)
    return ours == (Stage.RESPOND, Reversible.IRREVERSIBLE, frozenset(Touches)) and not profile.by_hand


def phrase(profile: Profile, arguments: dict[str, Any]) -> list[tuple[str, Any]]:
    """What the profile's sentence shows of a call: its holes by their last names, with the values there."""
    found = [(hole, resolve(f"$arguments.{hole}", {"arguments": arguments})) for hole in holes(profile.does)]
    return [(hole.removeprefix("parameters."), value) for hole, value in found]


@pytest.mark.parametrize("mode", AZURE["modes"])
def test_every_tool_that_a_mode_lists_is_known(mode: str) -> None:
    assert [name for name in AZURE["modes"][mode] if not CATALOGUE.knows(SERVER, name)] == []


def test_namespaces_and_direct_tools_are_all_that_the_server_can_do() -> None:
    commands = {command for _, command in COMMANDS}
    assert commands | (set(AZURE["modes"]["all"]) & set(AZURE["modes"]["namespace"])) == set(AZURE["modes"]["all"])


@pytest.mark.parametrize("full", [True, False], ids=["all arguments", "none"])
def test_a_command_counts_as_the_tool_that_it_names(full: bool) -> None:
    for tool, command in COMMANDS:
        inner = arguments_of(command) if full else {}
        outer = call(command, inner)
        direct, through = CATALOGUE.profile(SERVER, command, inner), CATALOGUE.profile(SERVER, tool, outer, HINTS[tool])
        for field in ("stage", "reversible", "touches", "idempotent", "basis", "why", "by_hand", "openc2", "reach"):
            assert getattr(through, field) == getattr(direct, field), (command, field)
        assert named_targets(through, outer) == named_targets(direct, inner), command
        if full:
            assert phrase(through, outer) == phrase(direct, inner), command


def test_the_other_calls_go_through_the_namespace_too() -> None:
    inner = {"account": "a", "key": "k", "lock": True}
    outer = call("appconfig_kv_lock_set", inner)
    inverse = CATALOGUE.profile(SERVER, "appconfig", outer).inverse
    assert inverse is not None
    assert (inverse.tool, resolve(inverse.arguments, {"arguments": outer})) == (
        "appconfig",
        {"intent": "", "command": "appconfig_kv_lock_set", "parameters": inner | {"lock": False}},
    )
    profile = CATALOGUE.profile(SERVER, "appconfig", call("appconfig_kv_set", inner | {"value": "v"}))
    assert profile.check is not None
    assert profile.check.arguments["command"] == "appconfig_kv_get"
    assert profile.check.expect[0].includes == {
        "key": "$arguments.parameters.key",
        "value": "$arguments.parameters.value",
    }


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"intent": "list the stores"},
        {"intent": "list the stores", "learn": True},
        {"intent": "\n list", "learn": True, "command": "storage_account_get"},
        {"intent": ["x"], "learn": True},
        call("storage_account_get", learn=True),
        call("storage_account_get", learn="false"),
        call("storage_account_list"),
        call("STORAGE_ACCOUNT_GET"),
        call("account_get"),
        call("azmcp_storage_account_get"),
        call("keyvault_key_get"),
        call("storage"),
        call(["storage_account_get"]),
        call("storage_account_get", ["account"]),
        call("storage_account_get", account="a"),
        call("storage_blob_get", {"account": "a", "Account": "b"}),
        call("storage_blob_get", {"blob": "a", "b-lob": "b"}),
        call("storage_blob_get", {"Account": "a"}),
        call("storage_blob_get", {"acc-ount": "a", "blob": "b"}),
        call("storage_blob_get", {"blob": "@/etc/passwd"}),
        "storage_account_get",
    ],
)
def test_whatever_may_run_something_else_is_the_worst_case(arguments: Any) -> None:
    assert is_worst(CATALOGUE.profile(SERVER, "storage", arguments))


@pytest.mark.parametrize(
    ("tool", "command", "parameters"),
    [
        ("appconfig", "appconfig_kv_set", {"account": "a", "key": "k", "Value": "v"}),
        ("appconfig", "appconfig_kv_lock_set", {"account": "a", "key": "k", "LOCK": True}),
        ("azuremigrate", "azuremigrate_platformlandingzone_request", {"migrateprojectname": "p", "action": "check"}),
        ("kusto", "kusto_query", {"Query": "T | take 1"}),
    ],
)
def test_a_name_that_only_the_server_takes_for_an_argument_hides_nothing(
    tool: str, command: str, parameters: dict[str, Any]
) -> None:
    assert CATALOGUE.knows(SERVER, command) and is_worst(CATALOGUE.profile(SERVER, tool, call(command, parameters)))


@pytest.mark.parametrize("more", [{}, {"intent": ""}, {"intent": " ", "command": "storage_blob_upload"}])
def test_learning_without_an_intent_is_a_plain_read(more: dict[str, Any]) -> None:
    profile = CATALOGUE.profile(SERVER, "storage", {"learn": True} | more)
    assert (profile.stage, profile.touches) == (Stage.ANALYSE, frozenset())


@pytest.mark.parametrize("name", ["azure", "azd", "foundry"])
def test_what_hands_a_call_on_elsewhere_is_the_worst_case(name: str) -> None:
    assert is_worst(CATALOGUE.profile(SERVER, name, call("storage_account_get", learn=True)))


@pytest.mark.parametrize("value", ["-", "--query=print 1", "@/etc/passwd", ["a", "@b"], {"a": ["-b"]}])
def test_an_argument_that_would_be_an_option_or_a_file_of_options_is_the_worst_case(value: Any) -> None:
    for tool in ("subscription_list", "kusto_query"):
        assert is_worst(CATALOGUE.profile(SERVER, tool, {"query": "StormEvents | take 1", "tenant": value}))


def test_a_query_through_a_namespace_is_read_as_it_is_directly() -> None:
    parameters = {"cluster-uri": "https://c.kusto.windows.net", "database": "d", "query": "Logs | take 1"}
    read = CATALOGUE.profile(SERVER, "kusto", call("kusto_query", parameters))
    assert (read.stage, [target.id for target in read.named]) == (Stage.ANALYSE, ["Logs"])
    dropped = CATALOGUE.profile(SERVER, "kusto", call("kusto_query", parameters | {"query": ".drop table Logs"}))
    assert dropped.stage is Stage.RESPOND


def test_a_namespace_that_is_also_a_tool_is_refused() -> None:
    with pytest.raises(ProfileError, match="twice"):
        read_vendor("{vendor: x, servers: [x], namespace: a, reads: [a_get], tools: {a: {stage: analyse}}}", "x.yaml")
