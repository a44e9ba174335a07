"""`python -m caddis.agent`"""

import sys

from caddis.agent.main import main

sys.exit(main())
