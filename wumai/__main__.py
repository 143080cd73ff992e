"""`python -m wumai`: the command `wumai`."""

from wumai.cli import main

if __name__ == '__main__':
    main(prog_name='wumai')
