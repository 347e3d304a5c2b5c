"""JSON-RPC envelopes: what is read, what is refused, and that payloads stay the bytes they were."""

import json

import pytest

from keyturn.errors import InvalidInput, InvalidJson
from keyturn.wire import rpc
from keyturn.wire.session import RpcError


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b'{"jsonrpc":"2.0","id":1,"method":"ping"}', "request"),
        (b'{"jsonrpc":"2.0","id":"a","method":"ping","params":{}}', "request"),
        (b'{"jsonrpc":"2.0","method":"notifications/cancelled"}', "notification"),
        (b'{"jsonrpc":"2.0","id":1,"result":{}}', "result"),
        (b'{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}', "error"),
        (b'{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"no"}}', "error"),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', "invalid"),
        (b'{"jsonrpc":"2.0","id":1}', "invalid"),
        (b'{"jsonrpc":"2.0","result":{}}', "invalid"),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}', "invalid"),
        (b'{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":-1,"message":"no"}}', "invalid"),
    ],
)
def test_a_message_is_told_by_its_members(raw: bytes, kind: str) -> None:
    assert rpc.decode(raw).kind == kind


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"hello", b'{"jsonrpc":"2.0","method":"\xff"}', b'{"jsonrpc":"2.0","result":' + b"[" * 100_000]
)
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidJson):
        rpc.decode(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"1",
        b"{}",
        b'{"jsonrpc":"1.0","id":1,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":true,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1,"method":7}',
        b'{"jsonrpc":"2.0","id":1,"error":{"code":"x","message":"no"}}',
        b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
    ],
)
def test_json_that_is_no_message_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        rpc.decode(raw)
    assert not isinstance(caught.value, InvalidJson)


def test_a_result_stays_the_bytes_it_was() -> None:
    body = b'{ "b" : 1.0 , "a":"\\u00e4" }'
    assert bytes(rpc.decode(rpc.result(7, body)).result) == body


def test_params_must_be_an_object() -> None:
    with pytest.raises(InvalidInput):
        rpc.decode(b'{"jsonrpc":"2.0","id":1,"method":"x","params":[1]}').params_dict()
    assert rpc.decode(b'{"jsonrpc":"2.0","id":1,"method":"x"}').params_dict() == {}


@pytest.mark.parametrize("params", [b"", b"{}", b"{ }", b'{"z":1,"a":{"y":2.50}}'])
def test_members_are_spliced_in_front_of_unchanged_params(params: bytes) -> None:
    spliced = rpc.spliced(params, {"_meta": {"progressToken": 3}})
    assert json.loads(spliced) == {"_meta": {"progressToken": 3}} | json.loads(params or b"{}")
    assert spliced.endswith(params[1:])


def test_params_that_are_no_object_take_no_members() -> None:
    with pytest.raises(InvalidInput):
        rpc.spliced(b"[1]", {"a": 1})


def test_an_error_survives_the_way_through_a_result() -> None:
    e = RpcError(-32042, "open the page", {"elicitations": [{"url": "https://example.test"}]})
    back = rpc.error_in_result(rpc.error_as_result(e))
    assert back is not None
    assert (back.code, back.message, back.data) == (e.code, e.message, e.data)
    assert json.loads(rpc.error_as_result(e))["isError"] is True


@pytest.mark.parametrize("result", [b"{}", b'{"content":[{"text":"keyturn/rpcError"}]}', b'"keyturn/rpcError"'])
def test_an_ordinary_result_holds_no_error(result: bytes) -> None:
    assert rpc.error_in_result(result) is None


def test_error_data_is_left_out_when_there_is_none() -> None:
    assert json.loads(rpc.error(None, RpcError(-32600, "no"))) == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32600, "message": "no"},
    }
