"""What the tests of this room share: the path to their recorded trainings."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
