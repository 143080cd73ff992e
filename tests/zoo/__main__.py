"""See run.py."""

import sys

from tests.zoo.run import main

if __name__ == '__main__':
    sys.exit(main())
