"""Targets from the configuration: what is refused, and that no part of an address shows."""

from pathlib import Path

import pytest
from tests.receiver import SECRET, Receiver

from keyturn.config import Config, read_config
from keyturn.errors import ConfigError, NotDelivered, NotFound
from keyturn.gate.notices import Event
from keyturn.house import WallClock
from keyturn.notifying import listed, listeners, send_test, targets

HOOK = f'[[notify]]\nname="hook"\nkind="webhook"\nurl="https://h.example/T0KEN?k=T0KEN"\nsecrets=["{SECRET}"]\n'
CHAT = '[[notify]]\nname="chat"\nkind="apprise"\nurl="${CHAT_URL}"\nevents=["held","stopped"]\nroles=["lead"]\n'


def settings(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "keyturn.toml"
    path.write_text(text)
    return read_config(path)


def test_listeners_need_no_secret_and_targets_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAT_URL", raising=False)
    config = settings(tmp_path, HOOK + CHAT)
    hook, chat = listeners(config)
    assert hook.wants(Event.REVERTED) and not chat.wants(Event.REVERTED) and chat.wants(Event.HELD)
    assert not chat.wants(Event.HELD, ("owner",))
    with pytest.raises(ConfigError, match=r"notify\.chat\.url needs the environment variable CHAT_URL"):
        targets(config, WallClock())
    monkeypatch.setenv("CHAT_URL", "json://127.0.0.1/T0KEN")
    assert [target.name for target in targets(config, WallClock())] == ["hook", "chat"]


def test_what_is_listed_holds_nothing_of_an_address_that_may_be_secret(tmp_path: Path) -> None:
    more = CHAT.replace('"chat"', '"mail"').replace("${CHAT_URL}", "mailto://T0KEN:T0KEN@T0KEN.example")
    odd = HOOK.replace('"hook"', '"odd"').replace("https://h.example/", "https://T0KEN@h.example/")
    config = settings(tmp_path, HOOK + CHAT + more + odd)
    found = listed(config)
    assert [one.where for one in found] == ["https://h.example", "${CHAT_URL}", "mailto://…", "a web address"]
    assert "T0KEN" not in repr(found) + repr(config) and "whsec" not in repr(config)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HOOK.replace('"hook"', '"The Hook"'), "can't name a target"),
        (HOOK + HOOK, "two [[notify]] are named hook"),
        (HOOK.replace("secrets", "secret"), "did you mean secrets?"),
        (HOOK.replace(f'["{SECRET}"]', "[]"), "secrets sign a webhook"),
        (CHAT + f'secrets=["{SECRET}"]\n', "secrets sign a webhook"),
        (CHAT.replace('"apprise"', '"pigeon"'), "notify[0].kind"),
        (CHAT.replace('"held"', '"hold"'), "one of held, confirming"),
        (CHAT.replace('"held"', '"test"'), "it is no event"),
        (CHAT.replace('"lead"', '"leader"'), "one of analyst, lead"),
        (CHAT + "timeout_s = 0\n", "timeout_s"),
        (CHAT + "give_up_s = 1\n", "give_up_s"),
        (CHAT.replace("${CHAT_URL}", ""), "chat has no url"),
    ],
)
def test_a_mistake_is_told_with_its_key_and_without_the_address(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, text)
    assert says in str(caught.value) and "T0KEN" not in str(caught.value), str(caught.value)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("https://h", "http://h", "not encrypted"),
        ("https://h", "ftp://h", "no web address"),
        ("https://h.example", "https://h.example:port", "no address"),
        ("https://h", "https:// h", "no web address"),
        (SECRET, "whsec_c2hvcnQ=", "24 to 64 random bytes"),
        (SECRET, "whsec_T0KEN!!", "24 to 64 random bytes"),
        (SECRET, "${NO_SUCH_SECRET}", "NO_SUCH_SECRET"),
    ],
)
def test_an_address_that_can_not_be_used_is_named_and_not_shown(
    tmp_path: Path, before: str, after: str, says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        targets(settings(tmp_path, HOOK.replace(before, after)), WallClock())
    assert "notify.hook" in str(caught.value) and says in str(caught.value)
    assert "T0KEN" not in str(caught.value) and "c2hvcnQ" not in str(caught.value)


def test_a_test_goes_to_one_target_and_says_how_it_went(tmp_path: Path, receiver: Receiver) -> None:
    config = settings(tmp_path, HOOK.replace("https://h.example/T0KEN?k=T0KEN", receiver.url))
    send_test(config, "hook", WallClock())
    assert b'"type":"keyturn.test"' in receiver.got[0].body
    receiver.answers = [(401, {})]
    with pytest.raises(NotDelivered, match="hook did not take it: HTTP 401"):
        send_test(config, "hook", WallClock())
    with pytest.raises(NotFound, match="known here: hook"):
        send_test(config, "hok", WallClock())
