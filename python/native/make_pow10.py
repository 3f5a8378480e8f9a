"""Writes `pow10_table.h`: the powers of ten that `json.c` needs to print a double.

    python python/native/make_pow10.py > python/native/pow10_table.h

Entry k - MIN is ceil(10**k / 2**(floor(log2(10**k)) - 127)): the first 128 bits of a power, rounded up.
Source: Raffaello Giulietti, "The Schubfach way to render doubles" (2022), section 9.
"""

from __future__ import annotations

MIN, MAX = -292, 324


def leading_bits(k: int) -> int:
    """The first 128 bits of 10**k, rounded up."""
    numerator, denominator = (10**k, 1) if k >= 0 else (1, 10**-k)
    shift = 127 - (numerator.bit_length() - denominator.bit_length())
    while True:
        scaled = numerator << max(shift, 0)
        divisor = denominator << max(-shift, 0)
        bits = scaled // divisor
        if bits.bit_length() == 128:
            return -(-scaled // divisor)
        shift += 128 - bits.bit_length()


def main() -> None:
    """Prints the header."""
    print("/* Made by make_pow10.py; do not edit. */")
    print(f"#define POW10_MIN ({MIN})")
    print(f"#define POW10_MAX {MAX}")
    print("static const uint64_t POW10[POW10_MAX - POW10_MIN + 1][2] = { /* high, low */")
    for k in range(MIN, MAX + 1):
        bits = leading_bits(k)
        print(f"    {{0x{bits >> 64:016x}u, 0x{bits & (2**64 - 1):016x}u}},")
    print("};")


if __name__ == "__main__":
    main()
