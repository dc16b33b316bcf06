"""`make bench-tokens`: refresh rotations per second, cold verification, and the migration beside a table in use."""

import argparse
import asyncio
import platform

from bench import migration, refresh, verification


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-tokens", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of one round of rotations")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gateways", type=int, default=1)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=5000, help="that are verified cold")
    options = parser.parse_args()
    print(f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}\n")
    print(f"Rotations through HTTP and PostgreSQL\n\n{refresh.HEAD}")
    for algorithm in ("RS256", "ES256"):
        print(
            refresh.measure(
                algorithm,
                gateways=options.gateways,
                connections=options.connections,
                seconds=options.seconds,
                rounds=options.rounds,
            ),
            flush=True,
        )
    print(f"\nCold verification\n\n{verification.HEAD}")
    for algorithm in ("RS256", "PS256", "ES256", "EdDSA"):
        print(verification.measure(algorithm, options.tokens), flush=True)
    print(f"\nThe migration beside a table under write load\n\n{migration.HEAD}")
    for one in asyncio.run(migration.measure()):
        print(one)


if __name__ == "__main__":
    main()
