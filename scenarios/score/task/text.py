"""Free text by its checklist. Words are found, not understood: a person who looks may overrule."""

from __future__ import annotations

import re
import unicodedata

from scenarios.case.task import CheckItem, TextTask
from scenarios.reading.answer import TextAnswer
from scenarios.reading.state import Work
from scenarios.score.ground import Ground
from scenarios.score.task_score import TaskScore

#: So many words before a phrase are looked at for one that denies it.
REACH = 4
DENIES = frozenset({"no", "not", "without", "denies", "never", "kein", "keine", "keinen", "nicht", "ohne"})


def score(task: TextTask, work: Work, ground: Ground) -> TaskScore:
    """Items count by their weights; what is missing was not seen or not understood, as the item says."""
    assert isinstance(work.answer, TextAnswer)
    overruled = ground.overruled.get(task.id, {})
    met = {item.id: overruled.get(item.id, says(work.answer.text, item)) for item in task.checklist}
    total = sum(item.weight for item in task.checklist)
    missing = [item for item in task.checklist if not met[item.id]]
    lost = {
        kind: sum(item.weight for item in missing if item.kind == kind) / total
        for kind in ("observation", "interpretation")
    }
    by = "a person looked" if overruled else "by its words; a person who looks may overrule"
    why = f"Missing: {'; '.join(item.text for item in missing)}" if missing else "Nothing is missing"
    return TaskScore(
        max(0.0, 1 - sum(lost.values())),
        work.answer.text.strip() or "nothing",
        "; ".join(item.text for item in task.checklist),
        f"{why} ({by}).",
        lost["observation"],
        lost["interpretation"],
        is_critical=any(item.critical for item in missing),
        omits=bool(missing),
    )


def says(text: str, item: CheckItem) -> bool:
    """Whether one of the item's phrases stands in a text and is not denied just before."""
    return any(_stands(phrase, sentence) for sentence in re.split(r"[.;!?\n]", text) for phrase in item.any_of)


def _stands(phrase: str, sentence: str) -> bool:
    words, wanted = _words(sentence), _words(phrase)
    if not wanted:
        return False
    for n in range(len(words) - len(wanted) + 1):
        if words[n : n + len(wanted)] == wanted and not DENIES & set(words[max(n - REACH, 0) : n]):
            return True
    return False


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())
