"""What the tests of the estimators share: the path to their small tables."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
