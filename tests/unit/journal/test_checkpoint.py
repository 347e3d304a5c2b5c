import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.errors import JournalError
from keyturn.journal import Checkpoint, Signer, sign

ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
LINE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


def test_the_example_of_the_specification() -> None:
    text = f"example.com/behind-the-sofa\n20852163\n{ROOT}\n"
    checkpoint = Checkpoint.parse(text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root.hex().startswith("0ac5186a91863e8e") and checkpoint.extensions == ()
    assert checkpoint.format() == text


@given(LINE, st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32), st.lists(LINE, max_size=3))
def test_format_and_parse_are_inverse(origin: str, size: int, root: bytes, extensions: list[str]) -> None:
    checkpoint = Checkpoint(origin, size, root, tuple(extensions))
    assert Checkpoint.parse(checkpoint.format()) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"o\n1\n{ROOT}",
        f"\n1\n{ROOT}\n",
        f"o\n\n{ROOT}\n",
        f"o\n01\n{ROOT}\n",
        f"o\n+1\n{ROOT}\n",
        f"o\n-1\n{ROOT}\n",
        f"o\n 1\n{ROOT}\n",
        f"o\n1_0\n{ROOT}\n",
        f"o\n\u0661\n{ROOT}\n",
        f"o\n0x1\n{ROOT}\n",
        f"o\n9223372036854775808\n{ROOT}\n",
        "o\n1\n\n",
        f"o\n1\n{ROOT[:-1]}\n",
        f"o\n1\n{ROOT[:-2]}J=\n",
        f"o\n1\n {ROOT}\n",
        "o\n1\nAAAA\n",
        f"o\n1\n{ROOT}\n\n",
        f"o\n1\n{ROOT}\n\nx\n",
        f"o\n1\n{ROOT}\nx\n\n",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(JournalError):
        Checkpoint.parse(text)


def test_values_without_a_form_are_refused() -> None:
    for checkpoint in (
        Checkpoint("", 1, bytes(32)),
        Checkpoint("a\nb", 1, bytes(32)),
        Checkpoint("a", -1, bytes(32)),
        Checkpoint("a", 1, bytes(31)),
        Checkpoint("a", 1, bytes(32), ("",)),
    ):
        with pytest.raises(JournalError):
            checkpoint.format()


def test_a_key_speaks_for_its_own_log_only(signer: Signer) -> None:
    own = Checkpoint(signer.name, 1, bytes(32))
    assert Checkpoint.open(own.sign(signer), [signer.verifier]) == own
    foreign = Checkpoint("other.example/log", 1, bytes(32))
    with pytest.raises(JournalError, match=r"other\.example/log"):
        Checkpoint.open(foreign.sign(signer), [signer.verifier])
    with pytest.raises(JournalError, match="three lines"):
        Checkpoint.open(sign("hello\n", signer), [signer.verifier])
