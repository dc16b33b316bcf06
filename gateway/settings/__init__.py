"""The configuration file: its shape, how it is loaded, how its faults are told.

::

    text ── document ──▶ nodes with places ── expand ──▶ plain values ── schema ──▶ Settings ── check ──▶ Settings
               │                                 │                          │                     │
               └──────────────── findings, each at a place of the document ─┴─────────────────────┘──▶ faults
"""
