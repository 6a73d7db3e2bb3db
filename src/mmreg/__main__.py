"""``python -m mmreg`` and the ``mmreg`` command."""

from mmreg.cli.main import main

if __name__ == "__main__":
    main()
