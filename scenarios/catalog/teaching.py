"""What a case of each concept asks and teaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

#: An answer, what is said of it, and how wrong it is: 0 is right (of management: harm).
Answer = tuple[str, str, float]


@dataclass(frozen=True, slots=True)
class Teaching:
    """One concept.

    Attributes:
        topic: of the curriculum.
        code: RadLex identifier and meaning, where one is known for sure.
        why: what shows it, and what makes it easy to miss.
        look: question of its look; the first answer is right.
        diagnosis: the same of what it is.
        manage: what to do, by harm.
    """

    topic: str
    code: tuple[str, str] | None
    why: str
    look: tuple[str, tuple[Answer, ...]]
    diagnosis: tuple[Answer, ...]
    manage: tuple[Answer, ...]


_NODULE_CODE = ("RID3875", "nodule")
_NODULE_LOOK = "How dense is what you marked?"
_SOLID: Answer = ("Solid", "It hides the vessels that run into it, in lung and soft-tissue windows alike.", 1)
_PART: Answer = ("Part-solid: solid within haze", "There is soft tissue within a hazy part.", 1)
_HAZE: Answer = ("Ground-glass: hazy, vessels seen through it", "Vessels are seen through all of it.", 1)
_CALCIUM: Answer = ("Calcified throughout", "Bone-like values are not reached: check with a soft-tissue window.", 1)

TEACHING: Mapping[str, Teaching] = MappingProxyType(
    {
        "solid-nodule": Teaching(
            "chest", _NODULE_CODE,
            "A vessel cut across is round on one slice only: a nodule stays round and ends. Scroll each lung on its "
            "own, or use a thin MIP slab of some 8 mm.",
            (_NODULE_LOOK, (_SOLID, _PART, _HAZE, _CALCIUM)),
            (
                ("Solid lung nodule of unknown nature", "", 0),
                ("Normal vessel", "It does not continue on the slices above and below.", 1),
                ("Bronchus filled with mucus", "It does not branch, and no bronchus leads into it.", 1),
            ),
            (
                ("Compare with earlier scans; otherwise follow up by its size and the patient's risk", "", 0),
                ("Nothing further", "A new solid nodule of this size may be an early cancer.", 6),
                ("Resection at once", "Most nodules of this size are benign.", 4),
            ),
        ),
        "spiculated-nodule": Teaching(
            "chest", _NODULE_CODE,
            "Strands that radiate into the lung show growth along septa and vessels. In a busy field they are taken "
            "for vessels that meet.",
            ("What is its border like?", (
                ("Spiculated: strands radiate into the lung", "", 0),
                ("Smooth and round", "Strands run out of it on several slices.", 1),
                ("Hazy all around", "The body has a sharp edge between its strands.", 1),
            )),
            (
                ("Suspected lung cancer", "", 0),
                ("Granuloma", "A granuloma is smooth, and often calcified.", 1),
                ("Hamartoma", "A hamartoma is smooth and may hold fat.", 1),
            ),
            (
                ("Refer for staging with PET-CT and tissue", "", 0),
                ("Repeat the scan in 12 months", "The chance of cancer is too high to wait so long.", 7),
                ("Antibiotics, no further imaging", "No sign of infection, and nobody would look again.", 8),
            ),
        ),
        "part-solid-nodule": Teaching(
            "chest", _NODULE_CODE,
            "The haze is seen in a lung window only; the solid part alone is then taken for a small vessel. Of all "
            "nodules these are the most often malignant.",
            (_NODULE_LOOK, (_PART, _SOLID, _HAZE, _CALCIUM)),
            (
                ("Suspected adenocarcinoma, with an invasive part", "", 0),
                ("Old scar", "A scar is flat on one plane and does not have haze about a core.", 1),
                ("Intrapulmonary lymph node", "Nodes are solid, small, and angular at a septum.", 1),
            ),
            (
                ("Short-term follow-up; where it stays, referral", "", 0),
                ("Nothing further", "If it persists it is often cancer.", 7),
                ("Resection without a second scan", "Many go away within three months.", 3),
            ),
        ),
        "ground-glass-nodule": Teaching(
            "chest", _NODULE_CODE,
            "It adds little to the density of lung: widen nothing, scroll slowly in a lung window, and compare with "
            "the other side at the same level.",
            (_NODULE_LOOK, (_HAZE, _PART, _SOLID, _CALCIUM)),
            (
                ("Pure ground-glass nodule: inflammation, or early growth along alveoli", "", 0),
                ("Partial volume of the diaphragm", "It is seen whole, with lung on all sides.", 1),
                ("Motion", "Edges beside it are sharp.", 1),
            ),
            (
                ("Follow-up scan at long intervals", "", 0),
                ("Nothing further", "One that persists may grow over years.", 4),
                ("Biopsy at once", "Yield is low and most grow slowly or vanish.", 4),
            ),
        ),
        "liver-metastasis": Teaching(
            "abdomen", ("RID5231", "metastasis"),
            "Liver enhances most in the portal-venous phase, and a metastasis stays darker. In an abdominal window of "
            "400 HU it is faint: narrow it to 200 HU.",
            ("How does it compare with liver?", (
                ("Darker, with a border that fades", "", 0),
                ("As dark as water, with a sharp edge", "It is well above 20 HU: measure it.", 1),
                ("Brighter than liver", "It is darker than liver in this phase.", 1),
            )),
            (
                ("Metastasis", "", 0),
                ("Simple cyst", "A cyst measures as water and has a sharp edge.", 1),
                ("Hepatic vein before it fills", "It has no course on neighbouring slices.", 1),
                ("Focal fat", "Fat keeps the vessels in place and has straight borders.", 1),
            ),
            (
                ("Liver MR, and the case to the tumour board", "", 0),
                ("Nothing further", "Treatment of the primary depends on it.", 8),
                ("Ultrasound in a year", "A delay of a year may cost a cure.", 6),
            ),
        ),
        "parenchymal-haemorrhage": Teaching(
            "neuro", ("RID4700", "hemorrhage"),
            "Fresh blood is denser than grey matter (50 to 80 HU) and darker tissue soon surrounds it. A small one "
            "beside the skull or in the cerebellum is missed in a wide window.",
            ("What is it like?", (
                ("Denser than grey matter, with a dark rim", "", 0),
                ("As dense as bone", "It measures far below calcium.", 1),
                ("Darker than white matter", "It is the rim that is dark.", 1),
            )),
            (
                ("Acute haemorrhage within the brain", "", 0),
                ("Calcification", "Calcium measures above 100 HU and has no oedema.", 1),
                ("Subarachnoid haemorrhage", "It fills no sulcus or cistern.", 1),
                ("Acute infarct", "An infarct is darker, not denser.", 1),
            ),
            (
                ("Tell the stroke team now; reverse anticoagulants; CT angiogram", "", 0),
                ("Thrombolysis", "It would make the bleed larger.", 10),
                ("Outpatient MR", "It may grow within hours.", 8),
            ),
        ),
        "subdural-haematoma": Teaching(
            "neuro", ("RID4710", "subdural hematoma"),
            "A crescent along the inside of the skull that crosses sutures. A thin one merges with bone in a brain "
            "window: widen it to 200 HU, and look at the coronal plane under the vertex.",
            ("What shape is it?", (
                ("A crescent that crosses sutures", "", 0),
                ("A lens", "It follows the brain over most of the hemisphere.", 1),
                ("Within sulci", "Sulci beneath it are pressed, not filled.", 1),
            )),
            (
                ("Subdural haematoma", "", 0),
                ("Epidural haematoma", "It crosses sutures and is not biconvex.", 1),
                ("Beam hardening", "It pushes the sulci away from bone.", 1),
            ),
            (
                ("Neurosurgical opinion now; check clotting", "", 0),
                ("Discharge with advice", "It may grow, more so on anticoagulants.", 8),
                ("Lumbar puncture", "Dangerous with a mass on one side.", 9),
            ),
        ),
        "epidural-haematoma": Teaching(
            "neuro", ("RID4712", "epidural hematoma"),
            "A lens between skull and dura that ends at sutures, often under a fracture. The patient may be well for "
            "an hour.",
            ("What shape is it?", (
                ("A lens, convex towards the brain", "", 0),
                ("A crescent", "It bulges into the brain and ends abruptly.", 1),
                ("Round, within the brain", "Its broad base lies on the skull.", 1),
            )),
            (
                ("Epidural haematoma", "", 0),
                ("Subdural haematoma", "It is biconvex and does not spread over the hemisphere.", 1),
                ("Meningioma", "There was trauma, and it is as dense as clot.", 1),
            ),
            (
                ("Call neurosurgery at once: it may need to be let out now", "", 0),
                ("Repeat CT tomorrow", "Arterial bleeding kills within hours.", 10),
                ("Observation on the ward without a call", "The lucid interval deceives.", 9),
            ),
        ),
        "subarachnoid-haemorrhage": Teaching(
            "neuro", ("RID4711", "subarachnoid hemorrhage"),
            "Fluid in sulci and cisterns should be dark on both sides: compare them. A little blood makes a cistern as "
            "grey as brain, so that it seems to vanish.",
            ("Where is the blood?", (
                ("In sulci and cisterns", "", 0),
                ("In the brain", "It follows the spaces between gyri.", 1),
                ("Between skull and brain, in one layer", "It dips into the sulci.", 1),
            )),
            (
                ("Subarachnoid haemorrhage", "", 0),
                ("Meningitis", "CT seldom shows it, and never so dense.", 1),
                ("Contrast that was given earlier", "No contrast was given.", 1),
            ),
            (
                ("CT angiogram now, and neurosurgery", "", 0),
                ("Treat as migraine", "An aneurysm may bleed again within a day.", 10),
                ("MR in a week", "The risk of a second bleed is highest at once.", 9),
            ),
        ),
        "brain-tumour": Teaching(
            "neuro", ("RID4044", "brain neoplasm"),
            "A ring that enhances, thick and uneven, with oedema along white matter that spares the cortex. A small "
            "one is taken for a vessel: follow it through the slices.",
            ("How does it enhance?", (
                ("As a ring about a dark middle, or a small knot, with oedema", "", 0),
                ("Not at all", "Its wall is brighter than white matter.", 1),
                ("Along the sulci", "It lies within the brain.", 1),
            )),
            (
                ("Tumour: metastasis or high-grade glioma", "", 0),
                ("Old infarct", "Old infarcts draw tissue in and do not push.", 1),
                ("Normal vessel", "It has no course, and oedema is about it.", 1),
            ),
            (
                ("Steroids for oedema, search for a primary, neuro-oncology meeting", "", 0),
                ("Repeat MR in 12 months", "It will have grown by then.", 9),
                ("Antibiotics alone", "Without diffusion images an abscess is not told apart: do that first.", 4),
            ),
        ),
        "compression-fracture": Teaching(
            "musculoskeletal", ("RID4658", "compression fracture"),
            "Axial slices hide it: look at the sagittal plane in every chest and abdomen, and compare each vertebra's "
            "front with its back and its neighbours.",
            ("What became of the body?", (
                ("Lower in front than behind, a dense band under the end plate", "", 0),
                ("Lower throughout, with the pedicles destroyed", "The pedicles are whole.", 1),
                ("A notch in the end plate alone", "The whole front has lost height.", 1),
            )),
            (
                ("Wedge compression fracture", "", 0),
                ("Metastasis", "Nothing is destroyed, and there is no soft tissue beside it.", 1),
                ("Normal variant", "Its neighbours keep their height.", 1),
            ),
            (
                ("Report it, and have bone density examined and treated", "", 0),
                ("Do not mention it: it is an incidental finding", "The next fracture could be prevented.", 6),
                ("Immediate fusion", "Few need it: it is stable without neurological signs.", 5),
            ),
        ),
        "pulmonary-embolus": Teaching(
            "chest", ("RID4834", "pulmonary embolism"),
            "Follow each artery from the hilum outwards in a window wide enough (700 HU) that contrast does not hide a "
            "clot. A defect is surrounded by contrast or fills the vessel on several slices.",
            ("What do you see in the artery?", (
                ("A filling defect with contrast along the wall", "", 0),
                ("Low values through all arteries", "The others are well filled.", 1),
                ("A dark bronchus beside the artery", "It lies within the artery's own outline.", 1),
            )),
            (
                ("Acute pulmonary embolism", "", 0),
                ("Blood that mixes late", "It has a sharp border and stays on neighbouring slices.", 1),
                ("Lymph node", "It lies inside the vessel's wall.", 1),
            ),
            (
                ("Anticoagulate now, and look for strain of the right heart", "", 0),
                ("D-dimer before anything else", "The clot has been seen: it adds nothing.", 5),
                ("Discharge without treatment", "Untreated, many have another.", 10),
            ),
        ),
    }
)  # fmt: skip

#: What is asked when nothing may be there, by topic: the same as where something is.
NORMAL_WHY = (
    "Nothing was put in. Readings of normal studies count as much: each false mark would cost a patient a test."
)
