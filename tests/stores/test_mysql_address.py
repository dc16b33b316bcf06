"""Where a MySQL is, from a URL whose password never shows."""

from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.stores.mysql_address import MySQLAddress, parse_mysql_url


def test_the_parts_of_an_address() -> None:
    address = parse_mysql_url("mysql://a%40b:p%2Fw@db.test:3307/app?ssl_ca=ca.pem")
    assert address == MySQLAddress("db.test", 3307, "app", "a@b", "p/w", ca_file="ca.pem")
    assert str(address) == "db.test:3307/app"
    assert "p/w" not in repr(address)
    assert parse_mysql_url("mariadb://db.test/app").port == 3306
    assert str(parse_mysql_url("mysql:///app?unix_socket=/run/m.sock")) == "/run/m.sock/app"
    assert parse_mysql_url("mysql://db.test/app").tls() is None


@pytest.mark.parametrize(
    "url",
    ["", "x", "postgresql://h/d", "mysql://h", "mysql:///d", "mysql://h:x/d", "mysql://h/d?a=b", "mysql://h/d?hunter2"],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_mysql_url(url)
    assert "hunter2" not in str(caught.value)


def test_certificates_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("no PEM")
    for file in (path, tmp_path / "none"):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            parse_mysql_url(f"mysql://h/d?ssl_ca={file}").tls()
