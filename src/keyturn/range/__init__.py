"""The range: a simulated security operations centre behind one MCP server.

Nothing here touches a real system. Six systems (EDR, identity provider, mail, firewall, tickets, evidence store)
and a small table of threat intelligence share one SQLite file, seeded with one invented incident. Addresses come from
the documentation ranges of RFC 5737, names from the example domains of RFC 2606.

Start it with ``python -m keyturn.range --state PATH``. ``keyturn.range.state`` reads the file from outside.
"""
