"""Django's commands for the demo: `python config/demo/manage.py setup`, `… shell`, `… changepassword ada`."""

import sys

from demo.environment import prepare_environment


def main() -> None:
    prepare_environment()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
