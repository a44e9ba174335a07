"""`python -m caddis.api`"""

import sys

from caddis.api.main import main

sys.exit(main())
