"""What a pass decodes images with: `rgb`, or `Undecodable` with the reason for its row.

All of it is in `mmreg.validators.media.decode`, as checks decode the same way.
"""

from __future__ import annotations

from mmreg.validators.media.decode import MAX_PIXELS, Undecodable, check_limit, rgb

__all__ = ["MAX_PIXELS", "Undecodable", "check_limit", "rgb"]
