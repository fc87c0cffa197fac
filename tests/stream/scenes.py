"""Small scenes and nodes for tests of the stream."""

from __future__ import annotations

from engine.stream.codec import headset_from_patient, row_major
from engine.stream.messages import ProvenanceMessage, Scene, StructureMessage, SurfaceLod, SurfaceNode


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
