"""What a person's answer to a hold leaves behind: who, when, after how much reading, and how tired."""

from keyturn.gate.care_records import Answer, Decision
from keyturn.gate.ports import Tx
from keyturn.gate.records import ActionRecord


def answered(tx: Tx, record: ActionRecord, person: str, answer: Answer, now: int, *, tired: bool = False) -> int | None:
    """Keep one answer; how many milliseconds the person had the action open, None if it was never opened."""
    opened_at = tx.care.opened(person, (record.id,)).get(record.id)
    reading = None if opened_at is None else max(0, now - opened_at)
    tx.care.note_decision(
        Decision(
            at=now,
            person=person,
            action=record.id,
            answer=answer,
            reading_ms=reading,
            tired=tired,
            drill=record.drill,
        )
    )
    return reading
