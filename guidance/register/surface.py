"""Registration by a surface that is traced with a pointer, where the scan shows it too: skin of the face, bone.

Point-to-plane ICP (Chen and Medioni 1992) of open3d, from landmarks or from FPFH features (Rusu, Blodow and Beetz, ICRA
2009). How well it is known comes from the normals at the traced points: what slides along the surface is not seen
(Gelfand et al., "Geometrically stable sampling for the ICP algorithm", 3DIM 2003).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.core.array import Float64
from engine.core.errors import EnvironmentLacks, FrameMismatch
from engine.core.frame import Frame
from engine.core.surface import Surface
from engine.core.transform import Transform
from guidance.margins.surface_tree import SurfaceTree
from guidance.register.registration import Doubt, Method, Registration, RegistrationRefused
from guidance.register.rigid_fit import turn
from guidance.uncertainty.pose_error import PoseError

LEAST_POINTS = 60
LEAST_EXTENT_MM = 40.0
#: Traces this close together repeat each other: they count as one.
REPEATED_MM = 5.0
#: Farther than this from the surface after registration, they were not traced on it (root mean square).
MOST_RMS_MM = 2.5
#: What may stay open at the middle of the traces (95 %).
MOST_OPEN_MM = 3.0
#: Starts around the first one, either way about and along each axis, from which all must come to the same place.
_START_MM, _START_RAD = 6.0, np.deg2rad(8.0)
#: Two results are the same if they lay the traces this near to each other.
_SAME_MM = 1.0
#: A second place that fits nearly as well as the best is another place where the patient could be.
_AS_GOOD = 1.25
#: Distances themselves are known to no better than this: traces without any noise fit perfectly in both places.
_SEARCH_MM = 0.05
_REACHES_MM = (20.0, 8.0, 3.0)
_FEATURE_MM = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """One result: (4, 4), and how far the traces are from the surface then."""

    matrix: Float64
    off_mm: Float64

    @property
    def rms_mm(self) -> float:
        return float(np.sqrt((self.off_mm**2).mean()))


def register_surface(traced_mm: Float64, surface: Surface, tracked: Frame, start: Transform | None) -> Registration:
    """The patient in the tracked frame, from (n, 3) points traced on `surface`.

    `start` is a registration by landmarks, roughly; without it features are matched, which takes traces over a wide and
    uneven part.

    Raises:
        RegistrationRefused: with the doubt and what to do.
        FrameMismatch: a start in other frames.
        EnvironmentLacks: open3d is not installed.
    """
    _refuse_traces(traced_mm)
    if start is not None and (start.target, start.source) != (surface.frame, tracked):
        raise FrameMismatch(f"the start leads from {start.source} to {start.target}")
    tree, cloud = SurfaceTree(surface), _cloud(surface)
    first = start.matrix if start is not None else _by_features(traced_mm, cloud, tree)
    fits = [_icp(traced_mm, cloud, tree, matrix) for matrix in (first, *_around(first, traced_mm))]
    best = min(fits, key=lambda fit: fit.rms_mm)
    if best.rms_mm > MOST_RMS_MM:
        raise RegistrationRefused(
            Doubt.DOES_NOT_FIT,
            f"the traces lie {best.rms_mm:.1f} mm from the surface: trace again, and press less",
        )
    error = _error(traced_mm, best, tree)
    _refuse_open(error, best, traced_mm)
    _refuse_elsewhere(fits, best, traced_mm)
    _refuse_mirrored(best, traced_mm, surface, cloud, tree)
    return Registration(
        Transform(surface.frame, tracked, best.matrix), error, best.rms_mm, Method.SURFACE, np.zeros((0, 3)), 0.0
    )


def _refuse_traces(traced_mm: Float64) -> None:
    if len(traced_mm) < LEAST_POINTS:
        raise RegistrationRefused(
            Doubt.TOO_FEW, f"{len(traced_mm)} points were traced; it takes {LEAST_POINTS}: trace on"
        )
    if not np.isfinite(traced_mm).all():
        raise RegistrationRefused(Doubt.NOT_FINITE, "a traced point has no place")
    extent_mm = float(np.ptp(traced_mm, axis=0).max())
    if extent_mm < LEAST_EXTENT_MM:
        raise RegistrationRefused(Doubt.TOGETHER, f"the traces reach over {extent_mm:.0f} mm: trace a wider part")


def _open3d() -> Any:
    try:
        import open3d
    except ImportError as error:
        raise EnvironmentLacks(
            "registration by a surface needs open3d", "Install it: pip install 'sightline[guidance]'"
        ) from error
    return open3d


def _cloud(surface: Surface) -> Any:
    o3d = _open3d()
    mesh = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(surface.vertices_mm.astype(np.float64)),
        o3d.utility.Vector3iVector(np.array(surface.faces)),
    )
    mesh.compute_vertex_normals()
    cloud = o3d.geometry.PointCloud(mesh.vertices)
    cloud.normals = mesh.vertex_normals
    return cloud.voxel_down_sample(1.5)


def _points(points_mm: Float64) -> Any:
    o3d = _open3d()
    return o3d.geometry.PointCloud(o3d.utility.Vector3dVector(np.ascontiguousarray(points_mm)))


def _icp(traced_mm: Float64, cloud: Any, tree: SurfaceTree, start: Float64) -> _Fit:
    registration = _open3d().pipelines.registration
    traced, matrix = _points(traced_mm), start
    for reach_mm in _REACHES_MM:
        estimation = registration.TransformationEstimationPointToPlane(registration.TukeyLoss(k=reach_mm))
        criteria = registration.ICPConvergenceCriteria(max_iteration=60)
        matrix = registration.registration_icp(traced, cloud, reach_mm, matrix, estimation, criteria).transformation
    left, _, right = np.linalg.svd(matrix[:3, :3])
    rigid = np.eye(4)
    rigid[:3, :3], rigid[:3, 3] = left @ right, matrix[:3, 3]
    return _Fit(rigid, np.array([tree.near_point(p).distance_mm for p in traced_mm @ rigid[:3, :3].T + rigid[:3, 3]]))


def _by_features(traced_mm: Float64, cloud: Any, tree: SurfaceTree) -> Float64:
    """A rough start from the shapes around points, the best of several draws."""
    o3d = _open3d()
    registration = o3d.pipelines.registration
    search = o3d.geometry.KDTreeSearchParamHybrid(radius=4 * _FEATURE_MM, max_nn=100)

    def features(of: Any) -> tuple[Any, Any]:
        rough = of.voxel_down_sample(_FEATURE_MM)
        if not rough.has_normals():
            rough.estimate_normals(o3d.geometry.KDTreeSearchParamHybrid(radius=3 * _FEATURE_MM, max_nn=30))
            rough.orient_normals_consistent_tangent_plane(12)
        return rough, registration.compute_fpfh_feature(rough, search)

    target, target_features = features(cloud)
    found = []
    for seed in range(4):
        source, source_features = features(_points(traced_mm))
        if seed % 2:  # a traced patch does not say which of its sides is out
            source.normals = o3d.utility.Vector3dVector(-np.asarray(source.normals))
            source_features = registration.compute_fpfh_feature(source, search)
        o3d.utility.random.seed(seed)
        result = registration.registration_ransac_based_on_feature_matching(
            source,
            target,
            source_features,
            target_features,
            True,
            2 * _FEATURE_MM,
            registration.TransformationEstimationPointToPoint(False),
            3,
            [registration.CorrespondenceCheckerBasedOnEdgeLength(0.9)],
            registration.RANSACConvergenceCriteria(100_000, 0.999),
        )
        found.append(_icp(traced_mm, cloud, tree, result.transformation))
    return min(found, key=lambda fit: fit.rms_mm).matrix


def _around(first: Float64, traced_mm: Float64) -> list[Float64]:
    """Starts that are a little off, turned about the middle of the traces: of two places that fit, between which the
    first start may lie, one is on either side of it."""
    middle = first[:3, :3] @ traced_mm.mean(axis=0) + first[:3, 3]
    made = []
    for axis in (*np.eye(3), *-np.eye(3)):
        for rotation, shift in ((turn(axis * _START_RAD), np.zeros(3)), (np.eye(3), axis * _START_MM)):
            matrix = np.eye(4)
            matrix[:3, :3] = rotation @ first[:3, :3]
            matrix[:3, 3] = rotation @ (first[:3, 3] - middle) + middle + shift
            made.append(matrix)
    return made


def _error(traced_mm: Float64, best: _Fit, tree: SurfaceTree) -> PoseError:
    """From the normals where the traces lie, each part of the surface counted once."""
    cells = np.floor(traced_mm / REPEATED_MM).astype(np.int64)
    _, kept = np.unique(cells, axis=0, return_index=True)
    placed = traced_mm[kept] @ best.matrix[:3, :3].T + best.matrix[:3, 3]
    middle = placed.mean(axis=0)
    normals = np.array([tree.normal_near(point) for point in placed])
    gradients = np.concatenate([np.cross(placed - middle, normals), normals], axis=1)
    degrees = max(len(kept) - 6.0, 1.0)
    variance = max(float((best.off_mm[kept] ** 2).sum()) / degrees, 1e-4)
    information = gradients.T @ gradients / variance
    # What is not seen at all must come out as open, and not as an error of arithmetic.
    values, vectors = np.linalg.eigh(information)
    return PoseError((vectors / np.maximum(values, 1e-9)) @ vectors.T, middle, degrees)


def _refuse_open(error: PoseError, best: _Fit, traced_mm: Float64) -> None:
    open_mm = max(error.at(point).radius_mm() for point in (error.about_mm, *_ends(traced_mm, best)))
    if open_mm > MOST_OPEN_MM:
        raise RegistrationRefused(
            Doubt.SYMMETRIC,
            f"the traced part can slide by {min(open_mm, 999):.0f} mm along itself: trace one with another shape too",
        )


def _ends(traced_mm: Float64, best: _Fit) -> Float64:
    """The traces that are farthest out along each axis."""
    placed = traced_mm @ best.matrix[:3, :3].T + best.matrix[:3, 3]
    return placed[[*placed.argmin(axis=0), *placed.argmax(axis=0)]]


def _refuse_elsewhere(fits: list[_Fit], best: _Fit, traced_mm: Float64) -> None:
    there = _ends(traced_mm, best)
    for fit in fits:
        apart_mm = float(np.linalg.norm(_ends_at(traced_mm, best, fit) - there, axis=1).max())
        if apart_mm > _SAME_MM and fit.rms_mm < _AS_GOOD * best.rms_mm + _SEARCH_MM:
            raise RegistrationRefused(
                Doubt.NOT_CONVERGED,
                f"the traces fit in two places, {apart_mm:.0f} mm apart: touch landmarks first, or trace a wider part",
            )


def _refuse_mirrored(best: _Fit, traced_mm: Float64, surface: Surface, cloud: Any, tree: SurfaceTree) -> None:
    """A head is nearly its own mirror image: traces of a mirrored one fit it too, but a mirrored trace fits better."""
    middle = float(surface.vertices_mm[:, 0].min() + surface.vertices_mm[:, 0].max()) / 2
    across = np.diag([-1.0, 1.0, 1.0, 1.0])
    across[0, 3] = 2 * middle
    matrix = np.linalg.inv(best.matrix) @ across @ best.matrix
    mirrored = _icp(traced_mm @ matrix[:3, :3].T + matrix[:3, 3], cloud, tree, best.matrix)
    if _AS_GOOD * mirrored.rms_mm < best.rms_mm:
        raise RegistrationRefused(
            Doubt.MIRRORED, "the traces fit a mirrored patient better: left and right are swapped, here or in the scan"
        )


def _ends_at(traced_mm: Float64, best: _Fit, other: _Fit) -> Float64:
    placed = traced_mm @ best.matrix[:3, :3].T + best.matrix[:3, 3]
    ends = [*placed.argmin(axis=0), *placed.argmax(axis=0)]
    return np.asarray(traced_mm[ends] @ other.matrix[:3, :3].T + other.matrix[:3, 3])
