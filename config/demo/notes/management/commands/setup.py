"""`manage.py setup`: tables and the demo account. What is there already stays as it is."""

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand

USER = "ada"
PASSWORD = "lovelace-1843"


class Command(BaseCommand):
    help = f"Makes the tables and the account {USER} / {PASSWORD}; may be repeated."

    def handle(self, *args, **options):
        call_command("migrate", interactive=False, verbosity=0)
        users = get_user_model().objects
        if not users.filter(username=USER).exists():
            users.create_user(USER, password=PASSWORD)
            self.stdout.write(f"The demo account is {USER} with the password {PASSWORD}.")
