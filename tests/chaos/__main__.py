"""`python -m tests.chaos`: chaos as a command; leaves with 1 if anything was lost."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from tests.chaos.chaos import Plan, run, table


def main() -> int:
    parser = argparse.ArgumentParser(prog='python -m tests.chaos', description=__doc__)
    parser.add_argument('--database', choices=('mariadb', 'sqlite', 'galera'), default='mariadb')
    parser.add_argument('--workers', type=int, default=4)
    parser.add_argument('--jobs', type=int, default=2000)
    parser.add_argument('--seconds', type=float, default=60.0)
    parser.add_argument('--lease', type=float, default=6.0)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--keep', type=Path, help='keep logs and journal in this new folder')
    given = vars(parser.parse_args())
    keep = given.pop('keep')
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all processes are ended
    with tempfile.TemporaryDirectory(prefix='wumai-chaos-') as scratch:
        folder = keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        report = run(Plan(**given), folder)
    print(table(report))
    for name, ids in report.verdict.problems.items():
        print(f'{name}: {", ".join(ids)}', file=sys.stderr)
    return 1 if report.verdict.problems else 0


if __name__ == '__main__':
    sys.exit(main())
