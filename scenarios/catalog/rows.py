"""The rows of the catalogue: which lesion, how large, where, in which phantom."""

from __future__ import annotations

from dataclasses import dataclass, field

from scenarios.case.part import Point
from scenarios.case.source import BodyName


@dataclass(frozen=True, slots=True)
class Row:
    """One case.

    Attributes:
        id: of the case.
        body, patient: of the phantom.
        kind: of its lesions; "" for a normal case, `of` telling which cases it stands among.
        sizes_mm: one lesion each.
        seed: of the first lesion; those after it count on.
        age, asked: of the history.
        contrast: of its lesions, where it is not as usual.
        at_mm: where the first lies, where it is not drawn.
        options: of its kind.
        logit: how hard it is believed to be (`sightline case catalog --montage` prints it anew); None:
            not yet made out.
    """

    id: str
    body: BodyName
    patient: int
    kind: str
    sizes_mm: tuple[float, ...]
    seed: int
    age: str
    asked: str
    contrast: float | None = None
    at_mm: Point | None = None
    options: dict[str, float] = field(default_factory=dict)
    logit: float | None = None


_COUGH = "Cough for six weeks."
_SCREEN = "Former smoker. Low-dose scan."
_STAGE = "Colon cancer was found at endoscopy. Staging."
_FALL = "Fell on the stairs. Headache."
_SUDDEN = "Sudden severe headache."
_WEAK = "Weakness of one side since this morning."
_SEIZURE = "First seizure."
_BACK = "Pain in the back after lifting."
_BREATH = "Short of breath since yesterday. Pulse 110."

ROWS: tuple[Row, ...] = (
    Row("chest-01", "thorax", 1, "solid-nodule", (14.0,), 101, "58-year-old man", _COUGH),
    Row("chest-02", "thorax", 1, "solid-nodule", (8.0,), 102, "63-year-old woman", _SCREEN),
    Row("chest-03", "thorax", 2, "solid-nodule", (6.5, 9.0), 103, "66-year-old man", _STAGE),
    Row("chest-04", "thorax", 2, "spiculated-nodule", (19.0,), 104, "70-year-old man", _COUGH),
    Row("chest-05", "thorax", 1, "spiculated-nodule", (12.0,), 105, "61-year-old woman", _SCREEN),
    Row("chest-06", "thorax", 2, "part-solid-nodule", (20.0,), 106, "67-year-old woman", _SCREEN),
    Row("chest-07", "thorax", 1, "part-solid-nodule", (13.0,), 107, "59-year-old man", _SCREEN),
    Row("chest-08", "thorax", 2, "ground-glass-nodule", (20.0,), 108, "55-year-old woman", _COUGH),
    Row("chest-09", "thorax", 1, "ground-glass-nodule", (14.0,), 109, "64-year-old woman", _SCREEN, 300.0),
    Row("chest-10", "thorax", 1, "", (), 0, "60-year-old man", _COUGH),
    Row("chest-11", "thorax", 2, "", (), 0, "62-year-old woman", _SCREEN),
    Row("abdomen-01", "abdomen", 1, "liver-metastasis", (26.0,), 201, "64-year-old man", _STAGE, logit=-1.0),
    Row("abdomen-02", "abdomen", 1, "liver-metastasis", (16.0,), 202, "71-year-old woman", _STAGE, logit=-0.73),
    Row("abdomen-03", "abdomen", 2, "liver-metastasis", (11.0,), 203, "58-year-old man", _STAGE, -70.0, logit=-0.43),
    Row(
        "abdomen-04", "abdomen", 2, "liver-metastasis", (20.0, 13.0, 15.0), 204, "69-year-old woman", _STAGE,
        logit=-0.43,
    ),
    Row("abdomen-05", "abdomen", 1, "liver-metastasis", (18.0,), 205, "60-year-old woman", _STAGE, -34.0, logit=-0.0),
    Row("abdomen-06", "abdomen", 1, "", (), 0, "57-year-old man", _STAGE),
    Row("abdomen-07", "abdomen", 2, "", (), 0, "66-year-old woman", _STAGE),
    Row("head-01", "head_ct_plain", 1, "parenchymal-haemorrhage", (34.0,), 301, "72-year-old man", _WEAK, logit=-2.08),
    Row("head-02", "head_ct_plain", 1, "parenchymal-haemorrhage", (20.0,), 302, "68-year-old woman", _WEAK, logit=-1.8),
    Row("head-03", "head_ct_plain", 2, "parenchymal-haemorrhage", (11.0,), 303, "59-year-old man", _WEAK),
    Row("head-04", "head_ct_plain", 2, "parenchymal-haemorrhage", (8.0,), 304, "75-year-old woman", _FALL, 26.0),
    Row("head-05", "head_ct_plain", 1, "subdural-haematoma", (12.0,), 305, "79-year-old man", _FALL, logit=-0.45),
    Row("head-06", "head_ct_plain", 2, "subdural-haematoma", (7.0,), 306, "74-year-old woman", _FALL, logit=0.31),
    Row("head-07", "head_ct_plain", 1, "subdural-haematoma", (4.5,), 307, "81-year-old man", _FALL, logit=0.94),
    Row("head-08", "head_ct_plain", 2, "subdural-haematoma", (10.0,), 308, "77-year-old man",
        "Confused for three weeks.", -14.0, logit=0.59),
    Row("head-09", "head_ct_plain", 1, "epidural-haematoma", (22.0,), 309, "24-year-old man", _FALL, logit=-0.74),
    Row("head-10", "head_ct_plain", 2, "epidural-haematoma", (13.0,), 310, "19-year-old woman", _FALL, logit=0.0),
    Row("head-11", "head_ct_plain", 2, "epidural-haematoma", (8.0,), 311, "31-year-old man", _FALL, logit=0.69),
    Row("head-12", "head_ct_plain", 1, "subarachnoid-haemorrhage", (75.0,), 312, "46-year-old woman", _SUDDEN, None,
        (0.0, -20.0, -8.0), logit=-0.48),
    Row("head-13", "head_ct_plain", 2, "subarachnoid-haemorrhage", (46.0,), 313, "52-year-old woman", _SUDDEN, None,
        (-46.0, -4.0, 6.0), logit=0.21),
    Row("head-14", "head_ct_plain", 1, "subarachnoid-haemorrhage", (34.0,), 314, "38-year-old man", _FALL, None,
        (40.0, -24.0, 56.0), logit=0.64),
    Row("head-15", "head_ct_plain", 2, "subarachnoid-haemorrhage", (40.0,), 315, "49-year-old man", _SUDDEN, 34.0,
        (46.0, -6.0, 4.0), logit=0.88),
    Row("head-16", "head_ct_plain", 1, "", (), 0, "70-year-old woman", _FALL),
    Row("head-17", "head_ct_plain", 2, "", (), 0, "44-year-old man", _SUDDEN),
    Row("brain-01", "head", 1, "brain-tumour", (34.0,), 401, "57-year-old man", _SEIZURE, None, (-34.0, 20.0, 40.0)),
    Row("brain-02", "head", 1, "brain-tumour", (20.0,), 402, "49-year-old woman", _SEIZURE),
    Row("brain-03", "head", 2, "brain-tumour", (11.0,), 403, "62-year-old woman", "Breast cancer. New headache."),
    Row("brain-04", "head", 2, "brain-tumour", (8.0, 12.0), 404, "65-year-old man", "Lung cancer. Staging.", 190.0),
    Row("brain-05", "head", 1, "", (), 0, "51-year-old woman", _SEIZURE),
    Row("brain-06", "head", 2, "", (), 0, "63-year-old man", "Lung cancer. Staging."),
    Row("spine-01", "thorax", 1, "compression-fracture", (9.0,), 501, "73-year-old woman", _BACK, None,
        (0.0, 58.0, -70.0), logit=0.36),
    Row("spine-02", "thorax", 2, "compression-fracture", (6.0,), 502, "77-year-old woman", _COUGH, None,
        (0.0, 63.0, 2.0)),
    Row("spine-03", "abdomen", 1, "compression-fracture", (12.0,), 503, "69-year-old man", _STAGE, None,
        (0.0, 56.0, 28.0), logit=-0.08),
    Row("spine-04", "abdomen", 2, "compression-fracture", (6.5,), 504, "80-year-old woman", _STAGE, 110.0,
        (0.0, 53.0, -4.0), logit=1.14),
    Row("angiogram-01", "thorax_angiogram", 1, "pulmonary-embolus", (36.0,), 601, "48-year-old woman", _BREATH, None,
        (-34.0, 2.0, 24.0)),
    Row("angiogram-02", "thorax_angiogram", 1, "pulmonary-embolus", (22.0,), 602, "55-year-old man", _BREATH, None,
        (44.0, 8.0, 36.0)),
    Row("angiogram-03", "thorax_angiogram", 2, "pulmonary-embolus", (18.0,), 603, "67-year-old man", _BREATH, None,
        None, {"margin-mm": 2.6, "deepest-mm": 4.6}),
    Row("angiogram-04", "thorax_angiogram", 2, "pulmonary-embolus", (14.0, 16.0), 604, "60-year-old woman", _BREATH,
        None, None, {"margin-mm": 2.2, "deepest-mm": 4.2}),
    Row("angiogram-05", "thorax_angiogram", 1, "", (), 0, "35-year-old woman", _BREATH),
    Row("angiogram-06", "thorax_angiogram", 2, "", (), 0, "71-year-old man", _BREATH),
)  # fmt: skip
