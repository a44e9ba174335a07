"""`make bench`: runs `caddis bench` and keeps its rows in bench/results/ (what is measured: caddis.admin.measures)."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from caddis.admin.main import main

if __name__ == "__main__":
    results = Path(__file__).parent / "results" / time.strftime("%Y%m%dT%H%M%SZ.json", time.gmtime())
    sys.argv[1:1] = ["bench", "--json", str(results)]
    main()
