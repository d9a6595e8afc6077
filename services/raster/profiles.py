"""What each output profile asks for, as data."""

from collections.abc import Mapping
from dataclasses import dataclass

from schema.contracts.rasters import OutputProfile


@dataclass(frozen=True)
class Profile:
    """``jpeg_quality``: pictures are stored as JPEG of this quality; ``None`` never. ``lossless_else``: what
    is no picture is stored in DEFLATE, else it is refused."""

    jpeg_quality: int | None
    lossless_else: bool


PROFILES: Mapping[OutputProfile, Profile] = {
    OutputProfile.LOSSLESS: Profile(jpeg_quality=None, lossless_else=True),
    OutputProfile.VISUAL: Profile(jpeg_quality=90, lossless_else=False),
    OutputProfile.WEB: Profile(jpeg_quality=85, lossless_else=True),
}
