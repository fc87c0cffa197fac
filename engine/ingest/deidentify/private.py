"""Private attributes that say nothing of a patient (PS3.15 table E.3.10-1): those that are numbers alone.

What makers write into the others, or one day will, nobody knows.
"""

from __future__ import annotations

#: By group, creator and the last two digits of the element.
SAFE: dict[tuple[int, str, int], str] = {
    (0x0019, "GEMS_ACQU_01", 0x23): "table speed, mm a rotation",
    (0x0019, "GEMS_ACQU_01", 0x24): "middle of the scan, s",
    (0x0019, "GEMS_ACQU_01", 0x27): "gantry period, s",
    (0x0019, "SIEMENS MR HEADER", 0x0C): "b value",
    (0x0019, "SIEMENS MR HEADER", 0x0E): "direction of the diffusion gradient",
    (0x0019, "SIEMENS MR HEADER", 0x27): "b matrix",
    (0x0043, "GEMS_PARM_01", 0x39): "b value and three more",
    (0x0045, "GEMS_HELIOS_01", 0x01): "rows of the detector",
    (0x0045, "GEMS_HELIOS_01", 0x02): "width of a row at the isocentre",
    (0x00E1, "ELSCINT1", 0x21): "dose length product",
    (0x01E1, "ELSCINT1", 0x50): "duration of the acquisition",
    (0x2001, "Philips Imaging DD 001", 0x03): "b value",
    (0x2005, "Philips MR Imaging DD 001", 0xB0): "diffusion direction, right to left",
    (0x2005, "Philips MR Imaging DD 001", 0xB1): "diffusion direction, front to back",
    (0x2005, "Philips MR Imaging DD 001", 0xB2): "diffusion direction, foot to head",
    (0x7053, "Philips PET Private Group", 0x00): "SUV factor",
    (0x7053, "Philips PET Private Group", 0x09): "activity concentration factor",
}

#: Numbers: no text fits in, whatever a maker does.
NUMERIC = frozenset({"DS", "IS", "FL", "FD", "SL", "SS", "UL", "US"})


def is_safe(group: int, creator: str, element: int, vr: str) -> bool:
    """Whether a private attribute may stay."""
    return vr in NUMERIC and (group, creator.strip(), element & 0xFF) in SAFE
