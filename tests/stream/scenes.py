"""Small scenes and nodes for tests of the stream."""

from __future__ import annotations

from engine.stream.codec import headset_from_patient, row_major
from engine.stream.messages import (
    ProvenanceMessage,
    Scene,
    Slab,
    StructureMessage,
    SurfaceLod,
    SurfaceNode,
    VolumeNode,
    WindowPreset,
)


def surface_node(name: str = "bone", *, triangles: int = 12) -> SurfaceNode:
    """A node with one level of detail that points at no real blob."""
    provenance = ProvenanceMessage(pipeline="test", version="1", parameters={}, synthetic=True)
    return SurfaceNode(
        id=name,
        structure=StructureMessage(
            label=1, key=name, name=name.title(), code=None, colour=(1, 2, 3), opacity=1.0, provenance=provenance
        ),
        lods=(SurfaceLod(blob="0" * 64, bytes=1, triangles=triangles, error_mm=0.0),),
        volume_ml=1.0,
        surface_area_mm2=1.0,
        closed=True,
        source="test",
        frame_of_reference_uid="1.2.3",
        registration_epoch=0,
    )


def volume_node() -> VolumeNode:
    """A small volume that points at no real blob."""
    slab = Slab(blob="0" * 64, bytes=1, k_start=0, k_count=8)
    return VolumeNode(
        id="volume",
        title="Test",
        modality="CT",
        quantity="HU",
        shape=(8, 8, 8),
        spacing_mm=(1.0, 1.0, 1.0),
        patient_from_voxel=(1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0),
        value_range=(-32768, 32767),
        presets=(WindowPreset(name="Soft tissue", low=-160, high=240),),
        slabs=(slab,),
        label_slabs=(slab,),
        frame_of_reference_uid="1.2.3",
    )


def scene(*names: str) -> Scene:
    """A scene with one surface node a name."""
    return Scene(
        id="scene",
        title="Test",
        frame_of_reference_uid="1.2.3",
        registration_epoch=0,
        headset_from_patient=row_major(headset_from_patient((0, 0, 0))),
        nodes=tuple(surface_node(name) for name in names),
    )
