"""What is checked after a fault says in full why it does not hold."""

import pytest

pytest.register_assert_rewrite("tests.faults.operations")
