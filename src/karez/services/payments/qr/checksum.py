"""The check sum of payment codes.

Source: EMV QR Code Specification for Payment Systems, Merchant-Presented Mode 1.1, section 4.7.3 (2020), which takes
CRC-16 of ISO/IEC 13239 with the polynomial 1021 and the initial value FFFF over the payload in UTF-8.
"""

_POLYNOMIAL = 0x1021


def _remainder(high_byte: int) -> int:
    register = high_byte << 8
    for _ in range(8):
        register = (register << 1) ^ _POLYNOMIAL if register & 0x8000 else register << 1
    return register & 0xFFFF


_REMAINDERS = tuple(map(_remainder, range(256)))


def checksum(content: bytes) -> str:
    """Return the check sum of a payload up to and with ``6304``, as four upper-case hexadecimal digits."""
    register = 0xFFFF
    for byte in content:
        register = (register << 8 & 0xFFFF) ^ _REMAINDERS[register >> 8 ^ byte]
    return f"{register:04X}"
