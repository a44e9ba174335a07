"""`fly regions backup`: gone (facts: cli-deploy-launch 9)."""

from __future__ import annotations

from caddis.cli.regions.gone import gone

COMMAND = gone("backup")
