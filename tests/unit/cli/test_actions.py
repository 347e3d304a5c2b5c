"""People's verbs, on a gateway in another process in front of the range."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from tests.unit.cli.conftest import Propose, Run, Site

from keyturn.range.state import changes


def test_a_hold_is_listed_shown_and_turned_by_two_people(site: Site, run: Run, propose: Propose) -> None:
    action = propose("mail_purge_message", message_id="MSG-9005")
    listed = run("holds", token=site.tokens["ana"], url=site.url)
    assert action["id"] in listed.output and "message:MSG-9005" in listed.output
    shown = run("show", action["id"][:9], token=site.tokens["ana"], url=site.url).output
    for words in ("NO. Nothing can undo it", "agent bot", "because of the test", "left; then it is denied", "missing"):
        assert words in shown
    first = run("turn", action["id"], "--yes", action["digest"], token=site.tokens["ana"], url=site.url)
    assert (first.exit_code, "is held" in first.output) == (0, True), first.output
    assert "one lead or owner" in first.output
    second = run("turn", action["id"], "--yes", action["digest"], token=site.tokens["olga"], url=site.url)
    assert second.exit_code == 0, second.output
    with site.remote("ana") as ana:
        assert ana.wait(action["id"], 20)["state"] == "succeeded"
    assert [c["tool"] for c in changes(site.folder / "range.db")].count("mail_purge_message") == 1


def test_another_digest_turns_nothing(site: Site, run: Run, propose: Propose) -> None:
    action = propose("edr_isolate_host", hostname="IT-LAB-003")
    ended = run("turn", action["id"], "--yes", "0" * 64, token=site.tokens["ana"], url=site.url)
    assert ended.exit_code == 1
    with site.remote("ana") as ana:
        assert ana.action(action["id"])["hold"]["keys"] == []


def test_without_a_terminal_a_digest_must_be_given(site: Site, run: Run, propose: Propose) -> None:
    action = propose("edr_isolate_host", hostname="CI-RUN-07")
    ended = run("turn", action["id"], token=site.tokens["ana"], url=site.url, stdin="y\n")
    assert ended.exit_code == 2
    assert "--yes DIGEST" in ended.output


def test_a_refusal_needs_a_reason_and_ends_the_hold(site: Site, run: Run, propose: Propose) -> None:
    action = propose("fw_block_ip", ip="198.51.100.7", reason="test")
    assert run("reject", action["id"], token=site.tokens["ana"], url=site.url).exit_code == 2
    ended = run("reject", action["id"], "--reason", "not ours", token=site.tokens["ana"], url=site.url)
    assert (ended.exit_code, "is refused" in ended.output) == (0, True)
    again = run("reject", action["id"], "--reason", "not ours", token=site.tokens["ana"], url=site.url)
    assert again.exit_code == 1


def test_a_withdrawal_ends_the_hold(site: Site, run: Run, propose: Propose) -> None:
    action = propose("idp_disable_user", username="p.varga")
    ended = run("withdraw", action["id"], token=site.tokens["ana"], url=site.url)
    assert (ended.exit_code, "is withdrawn" in ended.output) == (0, True)


def test_hostile_text_of_the_agent_is_made_visible(site: Site, run: Run, propose: Propose) -> None:
    action = propose("mail_send", why="fine\u202e\x1b[2J", to="a@b.example", subject="s\u200b", body="\x07")
    shown = run("show", action["id"], token=site.tokens["ana"], url=site.url).output
    assert "fine\\u{202e}\\u{1b}[2J" in shown and "s\\u{200b}" in shown
    assert not set(shown) & set("\u202e\x1b\u200b\x07")


def test_an_explanation_names_what_would_change_it(site: Site, run: Run, propose: Propose) -> None:
    action = propose("idp_revoke_api_key", key_id="key_ci_metrics")
    told = run("policy", "explain", action["id"], token=site.tokens["ana"], url=site.url)
    assert told.exit_code == 0, told.output
    assert "verdict: two_key" in told.output and "What would change it:" in told.output


def test_stop_and_resume_work_from_the_next_call(site: Site, run: Run, propose: Propose) -> None:
    command = ("stop", "tool", "range/fw_unblock_ip", "--reason", "looks wrong")
    stopped = run(*command, token=site.tokens["ana"], url=site.url)
    assert stopped.exit_code == 0, stopped.output
    assert propose("fw_unblock_ip", ip="198.51.100.201")["state"] == "denied"
    stop = stopped.output.partition("keyturn resume ")[2].split()[0]
    assert run("resume", stop, "--reason", "it is fine", token=site.tokens["olga"], url=site.url).exit_code == 0
    assert propose("fw_unblock_ip", ip="198.51.100.201")["state"] == "held"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("show", "a-none"), "no action's id begins"),
        (("stop", "agent", "--reason", "x"), "name the agent, tool or mandate"),
        (("settle", "x", "--outcome", "maybe", "--reason", "x"), "Invalid value"),
    ],
)
def test_a_mistake_is_told_plainly(site: Site, run: Run, args: tuple[str, ...], says: str) -> None:
    ended = run(*args, token=site.tokens["ana"], url=site.url)
    assert ended.exit_code in (1, 2)
    assert says in ended.output


def test_no_token_or_a_wrong_one_is_refused(site: Site, run: Run) -> None:
    for token in ("", "ktp_wrong"):
        ended = run("holds", token=token, url=site.url)
        assert ended.exit_code == 1
        assert "token" in ended.output and "ktp_wrong" not in ended.output


def test_the_same_verbs_work_over_the_database_in_this_process(site: Site, run: Run, propose: Propose) -> None:
    action = propose("mail_purge_message", message_id="MSG-9006")
    config = str(site.config)
    for name in ("ana", "olga"):
        turned = run("turn", action["id"], "--yes", action["digest"], "-c", config, token=site.tokens[name])
        assert turned.exit_code == 0, turned.output
    with site.remote("ana") as ana:
        assert ana.wait(action["id"], 20)["state"] == "succeeded", "the gateway's own process ran it"


def test_the_queue_says_what_is_stopped_and_whoever_may_resume_it(site: Site, run: Run) -> None:
    def holds() -> str:
        return run("holds", token=site.tokens["ana"], url=site.url).output

    assert "STOPPED" not in holds()
    stopped = run("stop", "tool", "range/mail_send", "--reason", "drill", token=site.tokens["ana"], url=site.url)
    stop = stopped.output.split()[-3]
    assert "STOPPED: tool range/mail_send, by ana at 20" in holds() and f"drill (keyturn resume {stop})" in holds()
    assert run("resume", stop, "--reason", "over", token=site.tokens["olga"], url=site.url).exit_code == 0
    assert "STOPPED" not in holds()


def test_no_action_and_no_token_are_told_as_such(site: Site, run: Run) -> None:
    ended = run("show", "", token=site.tokens["ana"], url=site.url)
    assert ended.exit_code == 1 and "no action is named" in ended.output
    ended = run("holds", url=site.url)
    assert ended.exit_code == 1 and "KEYTURN_TOKEN" in ended.output and "--token-file" in ended.output


def test_a_gateway_that_starts_a_moment_later_is_waited_for(run: Run) -> None:
    answered = threading.Event()

    class Late(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answered.set()
            body = b'{"holds":[],"next":null,"stops":[],"actions":[]}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Late, bind_and_activate=False) as server:
        server.server_bind()  # bound, and not listening yet: a connection is refused
        url = f"http://127.0.0.1:{server.server_port}"
        refused = threading.Event()

        def listen_once_refused() -> None:
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", server.server_port)) != 0
            refused.set()
            server.server_activate()
            server.serve_forever(0.01)

        thread = threading.Thread(target=listen_once_refused)
        thread.start()
        ended = run("holds", token="ktp_x", url=url)
        server.shutdown()
        thread.join()
    assert refused.is_set() and answered.is_set()
    assert ended.output == "Nothing waits for keys.\n"
