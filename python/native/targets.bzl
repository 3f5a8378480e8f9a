"""The platforms that have native code."""

# Coral's wheel tag -> the target in //python/native. Elsewhere the library path decodes.
NATIVE_LIBRARIES = {
    "manylinux_2_27_x86_64": "//python/native:linux_x86_64",
    "manylinux_2_27_aarch64": "//python/native:linux_aarch64",
}

# Likewise the program that is the command `coral` there. Elsewhere a Python script is.
STARTERS = {
    "manylinux_2_27_x86_64": "//python/native:starter_x86_64",
    "manylinux_2_27_aarch64": "//python/native:starter_aarch64",
}
