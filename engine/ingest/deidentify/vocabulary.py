"""Descriptions of which only known words stay: a name that is no such word cannot."""

from __future__ import annotations

import re

_WORDS = frozenset(
    """
    abdomen abdominal abd acetabulum adc adrenal airway and angio angiogram angiography angulated ankle anterior ante
    aorta aortic ap apical arm arterial artery ascending atlas attenuation axial axis bilateral biliary biopsy bladder
    blood bolus bone bones bowel brain breast bronchus c calcium cardiac carotid cavity cerebellum cerebral cervical
    chest cholangio clavicle cochlea colon colonography contrast cor coronal coronary cord cranial cranium cross ct cta
    cube delayed dentition diagnostic diaphragm diastolic diffusion disc dixon dorsal dose dual duodenum dwi dynamic
    echo elbow emergency enhanced enhancement epi equilibrium exam excretory expiration expiratory extremity eye face
    facial fast fat fatsat femur femoral fibula fiesta field filter fine first flair flash flow follow follow-up foot
    forearm fov frontal fs fse full fused gadolinium gallbladder gated gd gland gre hand hard head heart helical
    hemorrhage hepatic hepatobiliary high hip hippocampus hr hrct humerus iac iliac in inferior injection inner
    inspiration inspiratory internal intervertebral iodine iso isotropic iterative ivc joint kernel kidney kidneys knee
    l lar large larynx late lateral left leg lesion limited liver localizer long low lower lumbar lung lungs lymph
    mandible map mask maxilla maxillary mean mediastinum mediastinal medium metastases minip mip mono mosaic mp2rage
    mpr mprage mr mra mrcp mri multi multiplanar native neck nephrographic nerve nodule non noncontrast non-contrast
    nose oblique of optic or oral orbit orbits out ovary pancreas pancreatic paranasal parenchyma parotid patella pd
    pediatric pelvic pelvis perfusion pet phase pituitary plain planning portal post posterior pre prior prone
    prostate protocol proton pulmonary quiet r radius recon reconstruction rectum reformat renal respiratory rest
    restriction resolution retro rib ribs right routine sacral sacrum sag sagittal scan scaphoid scout screening se
    segmentation sella sequence series short shoulder sigmoid single sinus sinuses skull small soft space spect
    spectral spgr spin spine spiral spleen standard stealth sternum std stir stomach stress study subtraction superior
    supine supra sub surgical suppressed survey suv swi systolic t temporal test thick thin thoracic thorax thoracolumbar
    thyroid tibia tibial time tissue to tof tomography topogram torso total trachea tracheal transverse trauma triphasic
    true tse tumour tumor ulna ultra under unenhanced upper ureter urinary urography us uterus vascular vein veins
    venous ventilation ventricle vertebra view vibe virtual viscera volume weighted whole window with without wo w wrist
    """.split()
)
#: T1, T2*, 3D, 5mm, 1.25 mm's number with its unit, b1000, kernels such as B30f, 120kV.
_MEASURES = re.compile(
    r"t[12]\*?w?|[234]d|\d{1,3}(\.\d{1,3})?(mm|cm|kvp?|ma|mas|s|ms|min|t|%)|b\d{1,4}|[bijuh]r?\d{2}[fhs]?"
)
_PIECES = re.compile(r"[^\W_]+(?:[.\-][^\W_]+)*[*%]?")


def known_words(text: str) -> str:
    """The words of `text` that the vocabulary has, in order and as they were written; others fall."""
    return " ".join(piece for piece in _PIECES.findall(text) for piece in _known(piece))


def _known(piece: str) -> list[str]:
    if _is_known(piece):
        return [piece]
    return [part for part in re.split(r"[.\-]", piece) if part and _is_known(part)]


def _is_known(word: str) -> bool:
    folded = word.casefold()
    return folded in _WORDS or _MEASURES.fullmatch(folded) is not None
