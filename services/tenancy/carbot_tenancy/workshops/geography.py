"""Places on the earth, taken as a sphere."""

from math import asin, cos, degrees, radians, sin

import msgspec

EARTH_RADIUS_KM = 6371.0
"""The mean radius (IUGG); a sphere of it is wrong by at most 0.5 %."""
_MARGIN_DEGREES = 1e-6


class Box(msgspec.Struct, frozen=True):
    """Degrees between which every place of a circle lies."""

    south: float
    north: float
    west: float
    east: float


def box_around(latitude: float, longitude: float, radius_km: float) -> Box:
    """Return the smallest box around a circle; all longitudes where it holds a pole or crosses the antimeridian."""
    angle = radius_km / EARTH_RADIUS_KM
    height = degrees(angle) + _MARGIN_DEGREES
    south, north = latitude - height, latitude + height
    if south <= -90 or north >= 90:  # noqa: PLR2004 - the poles
        return Box(max(south, -90.0), min(north, 90.0), -180.0, 180.0)
    width = degrees(asin(min(1.0, sin(angle) / cos(radians(latitude))))) + _MARGIN_DEGREES
    west, east = longitude - width, longitude + width
    if west < -180 or east > 180:  # noqa: PLR2004 - the antimeridian
        return Box(south, north, -180.0, 180.0)
    return Box(south, north, west, east)
