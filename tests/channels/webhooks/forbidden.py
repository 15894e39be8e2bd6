"""URLs by which others have made servers call themselves and their neighbours."""

FORBIDDEN = {
    "loopback": "http://127.0.0.1:{port}/",
    "link-local, where clouds keep credentials": "http://169.254.169.254:{port}/latest/meta-data/",
    "IPv6 loopback": "http://[::1]:{port}/",
    "hexadecimal": "http://0x7f000001:{port}/",
    "decimal": "http://2130706433:{port}/",
    "name of the loopback": "http://localhost:{port}/",
    "private network": "http://10.0.0.1:{port}/",
    "IPv4 inside IPv6": "http://[::ffff:127.0.0.1]:{port}/",
    "carrier's network": "http://100.64.0.1:{port}/",
    "file": "file:///etc/passwd",
    "zero": "http://0:{port}/",
    "short form": "http://127.1:{port}/",
    "IPv4 behind NAT64": "http://[64:ff9b::7f00:1]:{port}/",
}
"""The thirteen forms that are named in the project's list of threats."""
